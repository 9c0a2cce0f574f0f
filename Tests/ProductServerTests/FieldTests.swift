import Foundation
import GravityContracts
import GravityHTTP
import HTTPTypes
import ProductAPI
import Testbed
import Testing

@Suite struct FieldTests {
  @Test("every declared type has a schema, and every endpoint is served", arguments: [Engine.sqlite])
  func declared(_ engine: Engine) async throws {
    #expect(OpenAPI(title: "product", version: "1", endpoints: ProductAPI.endpoints).unknownTypes == [])
    let document = try OpenAPI(title: "product", version: "1", endpoints: ProductAPI.endpoints).encoded()
    let json = String(decoding: document, as: UTF8.self)
    #expect(json.contains("application/x-ndjson") && json.contains("text/csv") && json.contains("dry_run"))
    #expect(!json.contains("/api/v1/products/quotes"), "services only")
    #expect(Set(ProductEvents.all.map(\.name)).count == ProductEvents.all.count)
    try await ProductFixture.run(on: engine) { _ in }
  }

  @Test("everything that is wrong is named at once, by field", arguments: Engine.available)
  func invalid(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let reply = try await shop.create([
        "title": " \n", "slug": "No Slug", "description": String(repeating: "x", count: 10_001),
        "external_id": "a\u{7}", "tags": ["", "a;b", String(repeating: "y", count: 51)],
        "options": [["name": "", "values": ["x"]]], "status": "published",
        "variants": [["sku": "", "title": "\u{202E}", "barcode": "é"]],
      ])
      #expect(reply.status == 422)
      #expect(
        Set(reply.fields) == [
          "title", "slug", "description", "external_id", "tags.0", "tags.1", "tags.2", "options.0.name",
          "variants.0.sku", "variants.0.title", "variants.0.barcode",
        ], "\(reply.text)")
      #expect(try await shop.footprint().values.allSatisfy { $0 == 0 })
      #expect(try await shop.create(["title": "x", "category_id": UUID().uuidString]).fields == ["category_id"])
      #expect(try await shop.create(["tags": ["x"]]).fields == ["title"])
      let product = try await shop.shirt("A")
      let nulls = try await shop.patch(product.id, ["title": NSNull(), "status": NSNull()])
      #expect(nulls.fields == ["title", "status"])
      #expect(try await shop.get(product.id).value == product)
    }
  }

  @Test("texts are trimmed, in NFC, and never taken for HTML", arguments: Engine.available)
  func texts(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let script = "<script>alert(1)</script> & <b>bold</b>"
      let product = try await shop.shirt(
        "A", title: "  Cafe\u{301} ", more: ["description": " \(script)\r\nline ", "tags": ["Sale", "sale", "New"]])
      #expect(product.title == "Caf\u{E9}" && product.description == "\(script)\nline")
      #expect(product.tags == ["Sale", "New"])
      let reply = try await shop.get(product.id)
      #expect(reply.headers[.contentType] == "application/json")
      #expect(try reply.value.description == "\(script)\nline")
      let changed = try await shop.patch(
        product.id, ["description": NSNull(), "tags": NSNull(), "title": "Caf\u{E9}"]
      ).value
      #expect(changed.description == nil && changed.tags.isEmpty && changed.version == 2)
      #expect(try await shop.patch(product.id, [:]).value == changed, "nothing given, nothing changed")
    }
  }

  @Test("an external id is one product's", arguments: Engine.available)
  func externalIDs(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let replies = try await withThrowingTaskGroup(of: Reply<Product>.self) { group in
        for _ in 0..<10 { group.addTask { try await shop.create(["title": "x", "external_id": "E"]) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.filter { $0.status == 201 }.count == 1)
      #expect(replies.filter { $0.code == "external_id_taken" }.count == 9, "\(replies.map(\.text))")
      #expect(try await shop.titles("external_id=E", token: FakeVerifier.reader) == ["x"])
    }
  }
}
