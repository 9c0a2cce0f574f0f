import GravityContracts
import GravityHTTP
import ProductAPI

extension ProductService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindProducts(&routes)
    bindVariants(&routes)
    bindCategories(&routes)
    bindCollections(&routes)
    bindBulk(&routes)
  }

  private func bindProducts(_ routes: inout Routes) {
    let (products, listing, pricing, snapshot) = (products, listing, pricing, productSnapshot)
    routes.on(ProductAPI.createProduct) { request, scope in
      scope.unwrap(try await products.create(request, once: scope.idempotencyKey))
    }
    routes.on(ProductAPI.products) { request, scope in
      try await listing.page(request, for: scope.optionalPrincipal)
    }
    routes.on(ProductAPI.product) { request, scope in
      try await products.find(request.id, for: scope.optionalPrincipal)
    }
    routes.on(ProductAPI.productBySlug) { request, scope in
      let product = try await products.find(slug: request.slug, for: scope.optionalPrincipal)
      if !product.slug.isSame(as: request.slug) {
        scope.reply.setStatus(301)
        scope.reply.setHeader("Location", Slug.location(product.slug))
      }
      return product
    }
    routes.on(ProductAPI.updateProduct) { request, scope in try await products.update(request, scope.precondition) }
    routes.on(ProductAPI.deleteProduct) { request, scope in
      try await products.delete(request.id, scope.precondition)
      return Empty()
    }
    routes.on(ProductAPI.restoreProduct) { request, _ in try await products.restore(request.id) }
    routes.on(ProductAPI.quotes) { request, _ in try await pricing.quotes(request) }
    routes.on(ProductAPI.snapshot) { request, _ in try await snapshot.page(request) }
  }

  private func bindVariants(_ routes: inout Routes) {
    let products = products
    routes.on(ProductAPI.addVariant) { request, scope in
      scope.unwrap(try await products.add(request, scope.precondition, once: scope.idempotencyKey))
    }
    routes.on(ProductAPI.updateVariant) { request, scope in try await products.update(request, scope.precondition) }
    routes.on(ProductAPI.deleteVariant) { request, scope in try await products.delete(request, scope.precondition) }
  }

  private func bindCategories(_ routes: inout Routes) {
    let categories = categories
    routes.on(ProductAPI.createCategory) { request, scope in
      scope.unwrap(try await categories.create(request, once: scope.idempotencyKey))
    }
    routes.on(ProductAPI.categories) { request, _ in try await categories.page(request) }
    routes.on(ProductAPI.category) { request, _ in try await categories.find(request.id) }
    routes.on(ProductAPI.updateCategory) { request, scope in
      try await categories.update(request, scope.precondition)
    }
    routes.on(ProductAPI.deleteCategory) { request, scope in
      try await categories.delete(request.id, scope.precondition)
      return Empty()
    }
  }

  private func bindCollections(_ routes: inout Routes) {
    let collections = collections
    routes.on(ProductAPI.createCollection) { request, scope in
      scope.unwrap(try await collections.create(request, once: scope.idempotencyKey))
    }
    routes.on(ProductAPI.collections) { request, _ in try await collections.page(request) }
    routes.on(ProductAPI.collection) { request, _ in try await collections.find(request.id) }
    routes.on(ProductAPI.updateCollection) { request, scope in
      try await collections.update(request, scope.precondition)
    }
    routes.on(ProductAPI.deleteCollection) { request, scope in
      try await collections.delete(request.id, scope.precondition)
      return Empty()
    }
    routes.on(ProductAPI.changeMembers) { request, _ in try await collections.change(request) }
  }

  private func bindBulk(_ routes: inout Routes) {
    let (imports, export) = (imports, export)
    routes.on(ProductAPI.createImport) { request, scope in
      scope.unwrap(try await imports.create(request, scope.content, once: scope.idempotencyKey))
    }
    routes.on(ProductAPI.imports) { request, _ in try await imports.page(request) }
    routes.on(ProductAPI.productImport) { request, _ in try await imports.find(request.id) }
    routes.on(ProductAPI.importResults) { request, _ in try await imports.results(request) }
    routes.on(ProductAPI.cancelImport) { request, _ in try await imports.cancel(request.id) }
    routes.on(ProductAPI.exportNDJSON) { request, scope in
      scope.told(try await export.ndjson(request), of: request, at: ProductAPI.exportNDJSON.path)
    }
    routes.on(ProductAPI.exportCSV) { request, scope in
      scope.told(try await export.csv(request), of: request, at: ProductAPI.exportCSV.path)
    }
  }
}

extension RequestScope {
  fileprivate var precondition: Precondition { Precondition { try require($0) } }

  /// Says where the export goes on (RFC 8288).
  fileprivate func told(_ page: Export.Page, of query: ExportQuery, at path: String) -> Content {
    if let next = page.next {
      let limit = query.limit.map { "&limit=\($0)" } ?? ""
      let status = query.status.map { "&status=\($0.rawValue)" } ?? ""
      reply.setHeader("Link", "<\(path)?cursor=\(next)\(limit)\(status)>; rel=\"next\"")
    }
    return page.content
  }
}

extension String {
  /// Byte by byte: `==` holds two ways to write one letter for the same.
  fileprivate func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
