public import GravityContracts

/// What others may know of the product service: port 8007, database product_db.
public enum ProductAPI {
  /// Where the service is found.
  public static let service = "product"
  public static let standardPort = 8007

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] = [
    createProduct, products, product, productBySlug, updateProduct, deleteProduct, restoreProduct, addVariant,
    updateVariant, deleteVariant, quotes, snapshot, createCategory, categories, category, updateCategory,
    deleteCategory, createCollection, collections, collection, updateCollection, deleteCollection, changeMembers,
    createImport, imports, productImport, importResults, cancelImport, exportNDJSON, exportCSV,
  ]
}

// MARK: - Products

extension ProductAPI {
  public static let createProduct = Endpoint<NewProduct, Product>(
    "createProduct", .post, "/api/v1/products", access: .permission("products:write"),
    summary: "Add a product with its variants; a slug is made of the title when none is given", success: 201,
    idempotency: .accepted, problems: ["sku_taken", "slug_taken", "external_id_taken"])

  /// Whoever may not read drafts sees what is published.
  public static let products = Endpoint<ProductQuery, Page<PartialProduct>>(
    "products", .get, "/api/v1/products", access: .public,
    summary: "Products by filters, sorted; `fields` names what each is to carry", problems: ["forbidden"])

  public static let product = Endpoint<ProductID, Product>(
    "product", .get, "/api/v1/products/{id}", access: .public, summary: "A product; published, or to be read by you",
    problems: ["not_found"])

  /// A slug that the product had before answers 301 with its present address as `Location`.
  public static let productBySlug = Endpoint<ProductSlug, Product>(
    "productBySlug", .get, "/api/v1/products/by-slug/{slug}", access: .public,
    summary: "A product by its slug; a former slug answers 301", otherSuccess: [301], problems: ["not_found"])

  public static let updateProduct = Endpoint<ProductUpdate, Product>(
    "updateProduct", .patch, "/api/v1/products/{id}", access: .permission("products:write"),
    summary: "Change a product, its status among it; `variants` replaces all of them", precondition: .accepted,
    problems: ["not_found", "invalid_state", "sku_taken", "slug_taken", "external_id_taken"])

  /// It can be restored; its SKUs and its slug are free for others meanwhile.
  public static let deleteProduct = Endpoint<ProductID, Empty>(
    "deleteProduct", .delete, "/api/v1/products/{id}", access: .permission("products:write"),
    summary: "Delete a product; restore takes that back", precondition: .accepted, problems: ["not_found"])

  public static let restoreProduct = Endpoint<ProductID, Product>(
    "restoreProduct", .post, "/api/v1/products/{id}/restore", access: .permission("products:write"),
    summary: "Take a deletion back", problems: ["not_found", "sku_taken", "slug_taken", "external_id_taken"])
}

// MARK: - Variants

extension ProductAPI {
  public static let addVariant = Endpoint<VariantAddition, Product>(
    "addVariant", .post, "/api/v1/products/{id}/variants", access: .permission("products:write"),
    summary: "Add a variant", success: 201, idempotency: .accepted, precondition: .accepted,
    problems: ["not_found", "sku_taken"])

  public static let updateVariant = Endpoint<VariantUpdate, Product>(
    "updateVariant", .patch, "/api/v1/products/{id}/variants/{variant_id}", access: .permission("products:write"),
    summary: "Change a variant; `price` sets that of its currency, `prices` all of them", precondition: .accepted,
    problems: ["not_found", "sku_taken"])

  public static let deleteVariant = Endpoint<VariantID, Product>(
    "deleteVariant", .delete, "/api/v1/products/{id}/variants/{variant_id}", access: .permission("products:write"),
    summary: "Delete a variant for good; a published product keeps its last one", precondition: .accepted,
    problems: ["not_found", "last_variant"])
}

// MARK: - For other services

extension ProductAPI {
  public static let quotes = Endpoint<QuoteRequest, Quotes>(
    "quotes", .post, "/api/v1/products/quotes", access: .service,
    summary: "What SKUs cost now in a currency, and which cannot be sold and why")

  public static let snapshot = Endpoint<SnapshotQuery, SnapshotPage>(
    "productSnapshot", .get, "/api/v1/products/snapshot", access: .service,
    summary: "Products as the events that led to them, for a service that was not there")
}

// MARK: - Categories

extension ProductAPI {
  public static let createCategory = Endpoint<NewCategory, Category>(
    "createCategory", .post, "/api/v1/categories", access: .permission("products:write"), success: 201,
    idempotency: .accepted, problems: ["slug_taken", "too_many_categories"])

  public static let categories = Endpoint<CategoryQuery, Page<Category>>(
    "categories", .get, "/api/v1/categories", access: .public,
    summary: "Categories by age; `parent_id` gives those under one, `root` those under none")

  public static let category = Endpoint<CategoryID, Category>(
    "category", .get, "/api/v1/categories/{id}", access: .public, summary: "A category with the way to it",
    problems: ["not_found"])

  public static let updateCategory = Endpoint<CategoryUpdate, Category>(
    "updateCategory", .patch, "/api/v1/categories/{id}", access: .permission("products:write"),
    summary: "Change a category, or move it with all that is under it", precondition: .accepted,
    problems: ["not_found", "slug_taken"])

  public static let deleteCategory = Endpoint<CategoryID, Empty>(
    "deleteCategory", .delete, "/api/v1/categories/{id}", access: .permission("products:write"),
    summary: "Delete an empty category", precondition: .accepted, problems: ["not_found", "category_not_empty"])
}

// MARK: - Collections

extension ProductAPI {
  public static let createCollection = Endpoint<NewCollection, ProductCollection>(
    "createCollection", .post, "/api/v1/collections", access: .permission("products:write"),
    summary: "Add a collection: by rules when it has any, else by hand", success: 201, idempotency: .accepted,
    problems: ["slug_taken", "too_many_collections"])

  public static let collections = Endpoint<CollectionQuery, Page<ProductCollection>>(
    "collections", .get, "/api/v1/collections", access: .public, summary: "Collections by age")

  public static let collection = Endpoint<CollectionID, ProductCollection>(
    "collection", .get, "/api/v1/collections/{id}", access: .public, problems: ["not_found"])

  public static let updateCollection = Endpoint<CollectionUpdate, ProductCollection>(
    "updateCollection", .patch, "/api/v1/collections/{id}", access: .permission("products:write"),
    precondition: .accepted, problems: ["not_found", "slug_taken"])

  public static let deleteCollection = Endpoint<CollectionID, Empty>(
    "deleteCollection", .delete, "/api/v1/collections/{id}", access: .permission("products:write"),
    summary: "Delete a collection; its products stay", precondition: .accepted, problems: ["not_found"])

  public static let changeMembers = Endpoint<MemberChange, ProductCollection>(
    "changeCollectionMembers", .post, "/api/v1/collections/{id}/products", access: .permission("products:write"),
    summary: "Put products into a collection that is kept by hand, or take them out",
    problems: ["not_found", "collection_has_rules", "too_many_products"])
}

// MARK: - Bulk

extension ProductAPI {
  public static let createImport = Endpoint<ImportOptions, ProductImport>(
    "createImport", .post, "/api/v1/products/imports", access: .permission("products:write"),
    summary: "Import products in the background: NDJSON or CSV of at most 8 MB and 10 000 lines", success: 202,
    body: .content(types: ["application/x-ndjson", "text/csv"], limit: 8 << 20), idempotency: .accepted,
    problems: ["too_many_imports"])

  public static let imports = Endpoint<ListQuery, Page<ProductImport>>(
    "imports", .get, "/api/v1/products/imports", access: .permission("products:write"), summary: "Imports, newest first"
  )

  public static let productImport = Endpoint<ImportID, ProductImport>(
    "import", .get, "/api/v1/products/imports/{id}", access: .permission("products:write"),
    summary: "How far an import is", problems: ["not_found"])

  public static let importResults = Endpoint<ImportResultQuery, Page<ImportResult>>(
    "importResults", .get, "/api/v1/products/imports/{id}/results", access: .permission("products:write"),
    summary: "What became of each product of an import, in the order of its lines", problems: ["not_found"])

  public static let cancelImport = Endpoint<ImportID, ProductImport>(
    "cancelImport", .post, "/api/v1/products/imports/{id}/cancel", access: .permission("products:write"),
    summary: "Stop an import; what it has done stays", problems: ["not_found"])

  public static let exportNDJSON = Endpoint<ExportQuery, Content>(
    "exportProducts", .get, "/api/v1/products/export.ndjson", access: .permission("products:read"),
    summary: "Products as import takes them, a page at a time; `Link: …; rel=\"next\"` leads on",
    produces: "application/x-ndjson")

  public static let exportCSV = Endpoint<ExportQuery, Content>(
    "exportProductsCSV", .get, "/api/v1/products/export.csv", access: .permission("products:read"),
    summary: "The same as CSV (RFC 4180), a line for each variant; the first page has the header", produces: "text/csv")
}
