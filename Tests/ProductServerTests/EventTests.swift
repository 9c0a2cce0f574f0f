import Foundation
import GravityContracts
import GravityData
@testable import GravityEvents
import InventoryAPI
import ProductAPI
import Testbed
import Testing
@testable import ProductServer

@Suite struct EventTests {
  @Test("each change is told once, with ids and the version", arguments: Engine.available)
  func told(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.create(["title": "x", "variants": [["sku": "A"]]]).value
      let variant = product.variants[0].id
      #expect(try await shop.events(of: product.id) == ["product.created.v1"])
      #expect(try await shop.events(of: variant) == ["variant.created.v1"])
      _ = try await shop.patch(product.id, ["status": "published"])
      let place = shop.path(product.id, "/variants/\(variant.lowercased)")
      _ = try await shop.send(ProductAPI.updateVariant, place, ["price": ["amount": 1, "currency": "USD"]])
      _ = try await shop.send(ProductAPI.updateVariant, place, ["barcode": "1"])
      _ = try await shop.patch(product.id, ["title": "x"])
      _ = try await shop.patch(product.id, ["title": ""])
      _ = try await shop.patch(
        product.id, ["options": [["name": "N", "values": ["1"]]], "variants": [["sku": "B", "options": ["N": "1"]]]])
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
      _ = try await shop.send(ProductAPI.restoreProduct, shop.path(product.id, "/restore"))
      #expect(
        try await shop.events(of: product.id) == [
          "product.created.v1", "product.updated.v1", "product.published.v1", "product.updated.v1",
          "product.updated.v1", "product.updated.v1", "product.deleted.v1", "product.restored.v1",
        ])
      #expect(
        try await shop.events(of: variant) == [
          "variant.created.v1", "price.changed.v1", "variant.updated.v1", "variant.deleted.v1",
        ])
      let bodies = try await shop.database.rows("SELECT body FROM outbox WHERE type = 'price.changed.v1'")
      let event = try CloudEvent(json: try #require(try bodies.first?.get("body", as: [UInt8].self)))
      let payload = try JSONDecoder().decode(PriceEvent.self, from: Data(event.data))
      #expect(payload == PriceEvent(productID: product.id, variantID: variant, currencies: ["USD"], version: 3))
    }
  }

  @Test("the snapshot tells what is there to who was not", arguments: Engine.available)
  func snapshot(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let draft = try await shop.shirt("A", more: ["status": "draft"])
      let published = try await shop.shirt("B")
      let gone = try await shop.shirt("C")
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(gone.id))
      let path = "/api/v1/products/snapshot"
      #expect(try await shop.send(ProductAPI.snapshot, path).status == 403)
      let first = try await shop.send(ProductAPI.snapshot, "\(path)?limit=1", token: FakeVerifier.service).value
      #expect(first.items.map(\.subject) == [draft.id.lowercased] && first.items[0].events.count == 1)
      let cursor = try #require(first.nextCursor)
      let second = try await shop.send(
        ProductAPI.snapshot, "\(path)?limit=1&cursor=\(cursor)", token: FakeVerifier.service
      ).value
      #expect(second.items.map(\.subject) == [published.id.lowercased] && second.nextCursor == nil)
      #expect(second.items[0].events.map(\.type) == ["product.created.v1", "product.published.v1"])
      #expect(second.items[0].sequence == 2)
    }
  }

  @Test("what inventory tells of a SKU is shown, also when its variant comes later", arguments: Engine.available)
  func stock(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A")
      #expect(product.variants[0].availability == .known(.unknown))
      func tell(_ type: EventType<StockLevelEvent>, _ sku: String, _ sequence: Int64, available: Int64 = 0) async throws
      {
        let handler = try #require(shop.service.stockEvents.first { $0.type == type.name })
        let data = try WireFormat.makeEncoder().encode(StockLevelEvent(sku: sku, available: available))
        let event = CloudEvent(
          id: UUID(), source: "/inventory", type: type.name, subject: sku, time: Date(), sequence: sequence,
          traceparent: nil, data: Array(data))
        try await shop.database.write { try handler.handle(event, $0) }
      }
      try await tell(InventoryEvents.outOfStock, "A", 2)
      var now = try await shop.get(product.id).value
      #expect(now.variants[0].availability == .known(.outOfStock) && now.version == 2)
      try await tell(InventoryEvents.outOfStock, "A", 2)
      try await tell(InventoryEvents.backInStock, "A", 1)
      #expect(try await shop.get(product.id).value == now, "told twice is once, and what is older does not count")
      try await tell(InventoryEvents.backInStock, "A", 3)
      now = try await shop.get(product.id).value
      #expect(now.variants[0].availability == .known(.inStock))
      #expect(try await shop.events(of: product.id).suffix(1) == ["product.updated.v1"])
      try await tell(InventoryEvents.outOfStock, "A", 4)
      try await tell(InventoryEvents.low, "A", 5, available: 1)
      #expect(try await shop.get(product.id).value.variants[0].availability == .known(.inStock), "a few are some")
      try await tell(InventoryEvents.outOfStock, "LATER", 1)
      #expect(try await shop.shirt("LATER").variants[0].availability == .known(.outOfStock))
      // While a product is deleted nobody tells it anything; it hears when it is back.
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
      try await tell(InventoryEvents.outOfStock, "A", 6)
      let restored = try await shop.send(ProductAPI.restoreProduct, shop.path(product.id, "/restore")).value
      #expect(restored.variants[0].availability == .known(.outOfStock))
    }
  }

  @Test("quotes tell what SKUs cost, and why one cannot be sold", arguments: Engine.available)
  func quotes(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func quotes(_ skus: [String], _ currency: String = "USD") async throws -> Reply<Quotes> {
        try await shop.send(
          ProductAPI.quotes, nil, ["skus": skus, "currency": currency, "customer_group": "vip"],
          token: FakeVerifier.service)
      }
      let price: [String: Any] = [
        "amount": 900, "currency": "USD", "compare_at": ["amount": 1000, "currency": "USD"],
      ]
      let product = try await shop.create([
        "title": "Shirt", "status": "published",
        "variants": [["sku": "A", "options": ["Size": "S"], "price": price, "requires_shipping": false]],
      ]).value
      try await shop.shirt("D", more: ["status": "draft"])
      let gone = try await shop.shirt("G")
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(gone.id))
      let reply = try await quotes(["D", "A", "G", "A", "Z", " "])
      #expect(reply.status == 200, "\(reply.text)")
      let quote = try #require(try reply.value.items.first)
      #expect(try reply.value.items.count == 1)
      #expect(quote.sku == "A" && quote.productID == product.id && quote.variantID == product.variants[0].id)
      #expect(quote.title == "Shirt" && quote.variantTitle == "S" && !quote.requiresShipping)
      #expect(quote.price == Money(900, Currency("USD")!) && quote.compareAt == Money(1000, Currency("USD")!))
      #expect(quote.productVersion == 1)
      #expect(
        try reply.value.missing.map { "\($0.sku) \($0.reason.rawValue)" } == [
          "D not_published", "G unknown", "Z unknown", "  unknown",
        ])
      #expect(try await quotes(["A"], "EUR").value.missing.map(\.reason) == [.known(.noPrice)])
      #expect(try await quotes([]).fields == ["skus"])
      #expect(try await quotes(Array(repeating: "A", count: 101)).fields == ["skus"])
      #expect(try await quotes(["A"], "XXX").fields == ["currency"])
      let changed = try await shop.patch(product.id, ["status": "archived"])
      #expect(changed.status == 200)
      #expect(try await quotes(["A"]).value.missing.map(\.reason) == [.known(.notPublished)], "at once")
    }
  }
}
