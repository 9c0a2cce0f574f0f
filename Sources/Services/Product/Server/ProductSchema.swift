import GravityData
import GravityEvents
import GravityTasks

/// The tables of product_db.
///
/// `products.document` is the product as it is read, whole: a read is one row. The other tables are what products are
/// found by and what must be unique, and are written in the same transaction.
enum ProductSchema {
  static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "products and what they are found by", products + variants + found),
    Migration(3, "categories and collections", categories + collections),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
    Migration(5, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements),
    Migration(6, "imports", imports),
  ]

  private static let products: [SQL] = [
    .table(
      "products",
      // `shelf` is the status, or `deleted`.
      """
      id \(type: .uuid) PRIMARY KEY, external_id \(type: .text), shelf \(type: .text) NOT NULL,
      title \(type: .text) NOT NULL, title_key \(type: .text) NOT NULL, category_id \(type: .uuid),
      version \(type: .bigint) NOT NULL, document \(type: .jsonb) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    """
    CREATE UNIQUE INDEX products_external_id ON products (external_id)
    WHERE external_id IS NOT NULL AND shelf <> 'deleted'
    """,
    "CREATE INDEX products_shelf_created_at ON products (shelf, created_at, id)",
    "CREATE INDEX products_shelf_title ON products (shelf, title_key, id)",
    // For those who see every shelf.
    "CREATE INDEX products_created_at ON products (created_at, id)",
    "CREATE INDEX products_title ON products (title_key, id)",
    "CREATE INDEX products_category ON products (category_id) WHERE category_id IS NOT NULL",
    .table(
      "slugs",
      """
      slug \(type: .text) PRIMARY KEY, product_id \(type: .uuid) NOT NULL, is_current \(type: .boolean) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX slugs_product ON slugs (product_id, created_at)",
  ]

  private static let variants: [SQL] = [
    .table(
      "variants",
      // `live` is false while the product is deleted.
      """
      id \(type: .uuid) PRIMARY KEY, product_id \(type: .uuid) NOT NULL, sku \(type: .text) NOT NULL,
      title \(type: .text), requires_shipping \(type: .boolean) NOT NULL, availability \(type: .text) NOT NULL,
      live \(type: .boolean) NOT NULL
      """),
    "CREATE UNIQUE INDEX variants_sku ON variants (sku) WHERE live",
    "CREATE INDEX variants_product ON variants (product_id)",
    // What inventory told of a SKU last, also of one that no variant has yet.
    .table(
      "sku_availability",
      """
      sku \(type: .text) PRIMARY KEY, availability \(type: .text) NOT NULL, sequence \(type: .bigint) NOT NULL
      """),
    .table(
      "prices",
      """
      variant_id \(type: .uuid) NOT NULL, currency \(type: .text) NOT NULL, amount \(type: .bigint) NOT NULL,
      compare_at \(type: .bigint), PRIMARY KEY (variant_id, currency)
      """),
  ]

  private static let found: [SQL] = [
    // The lowest of the variants' prices.
    .table(
      "product_prices",
      """
      product_id \(type: .uuid) NOT NULL, currency \(type: .text) NOT NULL, lowest \(type: .bigint) NOT NULL,
      PRIMARY KEY (product_id, currency)
      """),
    "CREATE INDEX product_prices_lowest ON product_prices (currency, lowest, product_id)",
    .table(
      "product_tags", "tag \(type: .text) NOT NULL, product_id \(type: .uuid) NOT NULL, PRIMARY KEY (tag, product_id)"),
    "CREATE INDEX product_tags_product ON product_tags (product_id)",
    .table(
      "product_terms",
      "term \(type: .text) NOT NULL, product_id \(type: .uuid) NOT NULL, PRIMARY KEY (term, product_id)"),
    "CREATE INDEX product_terms_product ON product_terms (product_id)",
  ]

  private static let categories: [SQL] = [
    .table(
      "categories",
      """
      id \(type: .uuid) PRIMARY KEY, parent_id \(type: .uuid), name \(type: .text) NOT NULL,
      slug \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE UNIQUE INDEX categories_slug ON categories (slug)",
    "CREATE INDEX categories_parent ON categories (parent_id, id)",
  ]

  private static let collections: [SQL] = [
    .table(
      "collections",
      """
      id \(type: .uuid) PRIMARY KEY, title \(type: .text) NOT NULL, slug \(type: .text) NOT NULL,
      description \(type: .text), rules \(type: .jsonb), version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE UNIQUE INDEX collections_slug ON collections (slug)",
    .table(
      "collection_products",
      """
      collection_id \(type: .uuid) NOT NULL, product_id \(type: .uuid) NOT NULL,
      PRIMARY KEY (collection_id, product_id)
      """),
  ]

  private static let imports: [SQL] = [
    .table(
      "imports",
      """
      id \(type: .uuid) PRIMARY KEY, task_id \(type: .uuid) NOT NULL, state \(type: .text) NOT NULL,
      format \(type: .text) NOT NULL, dry_run \(type: .boolean) NOT NULL, content \(type: .bytea),
      total \(type: .bigint) NOT NULL, position \(type: .bigint) NOT NULL, created \(type: .bigint) NOT NULL,
      updated \(type: .bigint) NOT NULL, unchanged \(type: .bigint) NOT NULL, failed \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, finished_at \(type: .timestamptz)
      """),
    "CREATE INDEX imports_created_at ON imports (created_at)",
    .table(
      "import_results",
      """
      import_id \(type: .uuid) NOT NULL, line \(type: .bigint) NOT NULL, outcome \(type: .text) NOT NULL,
      result \(type: .text) NOT NULL, PRIMARY KEY (import_id, line)
      """),
  ]
}
