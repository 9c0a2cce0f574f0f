import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import ProductAPI
import Testbed
import Testing

@Suite struct LifecycleTests {
  @Test(
    "a product goes from draft to published to archived and back to draft; the rest is 409", arguments: Engine.available
  )
  func transitions(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let all = Product.Status.allCases
      let legal: [Product.Status: Product.Status] = [.draft: .published, .published: .archived, .archived: .draft]
      for from in all {
        for to in all {
          let sku = "\(from)-\(to)"
          let product = try await shop.shirt(sku, more: ["status": from.rawValue])
          #expect(product.status == .known(from))
          let reply = try await shop.patch(product.id, ["status": to.rawValue])
          if from == to {
            #expect(try reply.value.version == product.version, "staying is no change")
          } else if legal[from] == to {
            #expect(try reply.value.status == .known(to))
            #expect(try await shop.get(product.id).status == (to == .published ? 200 : 404))
          } else {
            #expect(reply.status == 409 && reply.code == "invalid_state", "\(from) → \(to)")
            #expect(reply.problem?.extensions["allowed"] == .array([.string(legal[from]!.rawValue)]))
            #expect(try await shop.get(product.id, token: FakeVerifier.reader).value == product)
          }
        }
      }
      let unknown = try await shop.create(["title": "x", "status": "sold"])
      #expect(unknown.status == 422 && unknown.fields == ["status"])
    }
  }

  @Test("drafts and archived products are there for readers and writers only", arguments: Engine.available)
  func visibility(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let draft = try await shop.shirt("A", more: ["status": "draft"])
      for token in [nil, FakeVerifier.customer] {
        #expect(try await shop.get(draft.id, token: token).status == 404)
        let bySlug = try await shop.send(
          ProductAPI.productBySlug, "/api/v1/products/by-slug/\(draft.slug)", token: token)
        #expect(bySlug.status == 404)
        #expect(try await shop.titles(token: token) == [])
      }
      for token in [FakeVerifier.reader, FakeVerifier.writer] {
        #expect(try await shop.get(draft.id, token: token).value == draft)
        #expect(try await shop.titles(token: token) == ["Shirt"])
      }
      #expect(try await shop.list("status=draft").status == 401)
      #expect(try await shop.list("status=draft", token: FakeVerifier.customer).status == 403)
      #expect(try await shop.list("deleted=true", token: FakeVerifier.reader).status == 403)
      #expect(try await shop.list("status=published").status == 200)
    }
  }

  @Test("nobody writes without products:write", arguments: Engine.available)
  func permissions(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let id = try await shop.shirt("A").id
      for (token, status) in [(nil, 401), (FakeVerifier.customer, 403), (FakeVerifier.reader, 403)] {
        #expect(try await shop.create(["title": "x"], token: token).status == status)
        #expect(
          try await shop.send(ProductAPI.updateProduct, shop.path(id), ["title": "y"], token: token).status == status)
        #expect(try await shop.send(ProductAPI.deleteProduct, shop.path(id), token: token).status == status)
        #expect(try await shop.send(ProductAPI.createCategory, nil, ["name": "y"], token: token).status == status)
        #expect(try await shop.send(ProductAPI.createCollection, nil, ["title": "y"], token: token).status == status)
        #expect(
          try await shop.send(ProductAPI.createImport, nil, raw: "{}", as: "text/csv", token: token).status == status)
        #expect(
          try await shop.send(ProductAPI.quotes, nil, ["skus": ["A"], "currency": "USD"], token: token).status
            == (token == nil ? 401 : 403))
      }
      #expect(try await shop.get(id).value.title == "Shirt")
    }
  }

  @Test("a deleted product is gone for everybody, and comes back as it was", arguments: Engine.available)
  func restore(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A", more: ["slug": "a-shirt", "external_id": "X1", "tags": ["New"]])
      let gone = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
      #expect(gone.status == 204 && gone.text.isEmpty)
      #expect(try await shop.get(product.id, token: FakeVerifier.writer).status == 404)
      #expect(try await shop.patch(product.id, ["title": "x"]).status == 404)
      #expect(try await shop.send(ProductAPI.deleteProduct, shop.path(product.id)).status == 404)
      let bySlug = "/api/v1/products/by-slug/a-shirt"
      #expect(try await shop.send(ProductAPI.productBySlug, bySlug).status == 404)
      #expect(try await shop.titles("tag=new") == [])
      let deleted = try await shop.list("deleted=true", token: FakeVerifier.writer).value.items
      #expect(deleted.map(\.id) == [product.id] && deleted[0].deletedAt != nil)
      #expect(try await shop.list("deleted=true&sku=A", token: FakeVerifier.writer).value.items.count == 1)
      // Its keys are free meanwhile.
      let heir = try await shop.shirt("A", more: ["slug": "a-shirt", "external_id": "X1"])
      let restore = shop.path(product.id, "/restore")
      let refused = try await shop.send(ProductAPI.restoreProduct, restore)
      #expect(refused.status == 409 && refused.code == "sku_taken")
      #expect(refused.problem?.extensions["sku"] == .string("A"))
      _ = try await shop.patch(heir.id, ["variants": [["sku": "B"]]])
      #expect(try await shop.send(ProductAPI.restoreProduct, restore).code == "external_id_taken")
      _ = try await shop.patch(heir.id, ["external_id": "X2"])
      #expect(try await shop.send(ProductAPI.restoreProduct, restore).code == "slug_taken")
      _ = try await shop.patch(heir.id, ["slug": "another"])
      let back = try await shop.send(ProductAPI.restoreProduct, restore).value
      #expect(back.variants == product.variants && back.slug == "a-shirt" && back.deletedAt == nil)
      #expect(back.version > product.version)
      #expect(try await shop.get(product.id).value == back)
      #expect(try await shop.send(ProductAPI.productBySlug, bySlug).value == back)
      #expect(try await shop.titles("tag=new") == ["Shirt"])
      #expect(try await shop.create(["title": "x", "variants": [["sku": "A"]]]).code == "sku_taken")
      #expect(try await shop.send(ProductAPI.restoreProduct, restore).value == back, "twice is once")
      #expect(try await shop.send(ProductAPI.restoreProduct, shop.path(UUID(), "/restore")).status == 404)
    }
  }

  @Test("ETag and If-Match: of twenty changes with one tag, one wins", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A")
      let first = try await shop.get(product.id)
      #expect(first.etag == "\"v1\"")
      #expect(
        try await shop.send(
          ProductAPI.product, shop.path(product.id), token: nil, headers: ["If-None-Match": first.etag]
        ).status == 304)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await shop.patch(product.id, ["description": "\(number)"], ifMatch: first.etag).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 200 }.count == 1)
      #expect(statuses.filter { $0 == 412 }.count == 19, "\(statuses)")
      #expect(try await shop.get(product.id).value.version == 2)
      let stale = ["If-Match": first.etag]
      #expect(try await shop.send(ProductAPI.deleteProduct, shop.path(product.id), headers: stale).status == 412)
      let variants = shop.path(product.id, "/variants")
      #expect(try await shop.send(ProductAPI.addVariant, variants, ["sku": "B"], headers: stale).status == 412)
      // Without a tag each of twenty is taken, one after the other.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          group.addTask {
            let reply = try await shop.patch(product.id, ["tags": ["t\(number)"]])
            #expect(reply.status == 200, "\(reply.text)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await shop.get(product.id).value.version == 22)
    }
  }

  @Test("a create is done once for an Idempotency-Key", arguments: Engine.available)
  func idempotency(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let fields: [String: Any] = ["title": "Once", "variants": [["sku": "ONCE"]]]
      let key = ["Idempotency-Key": "k1"]
      let first = try await shop.send(ProductAPI.createProduct, nil, fields, headers: key)
      let again = try await shop.send(ProductAPI.createProduct, nil, fields, headers: key)
      #expect(first.status == 201 && again.status == 201)
      #expect(try first.value == again.value)
      #expect(again.headers[HTTPField.Name("Idempotency-Replayed")!] == "true")
      #expect(try await shop.send(ProductAPI.createProduct, nil, ["title": "Else"], headers: key).status == 422)
      #expect(try await shop.titles(token: FakeVerifier.writer) == ["Once"])
    }
  }
}
