import Foundation
import GravityContracts
import GravityData
import ProductAPI
import Testbed
import Testing

@Suite struct CollectionTests {
  private func titles(_ shop: ProductFixture, _ collection: UUID) async throws -> [String] {
    try await shop.titles("collection=\(collection.lowercased)&sort=title")
  }

  @Test("products are put into a collection by hand, and taken out", arguments: Engine.available)
  func byHand(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let (a, b) = (try await shop.shirt("A", title: "A").id, try await shop.shirt("B", title: "B").id)
      let created = try await shop.send(ProductAPI.createCollection, nil, ["title": "Summer"])
      #expect(created.status == 201)
      let id = try created.value.id
      #expect(try created.value.slug == "summer" && created.value.rules == nil)
      let members = "/api/v1/collections/\(id.lowercased)/products"
      func change(_ add: [UUID], _ remove: [UUID] = []) async throws -> Reply<ProductCollection> {
        try await shop.send(
          ProductAPI.changeMembers, members, ["add": add.map(\.uuidString), "remove": remove.map(\.uuidString)])
      }
      #expect(try await change([a, b, a]).value.version == 2)
      #expect(try await change([a]).value.version == 2, "what is in it stays")
      #expect(try await titles(shop, id) == ["A", "B"])
      #expect(try await change([], [a, UUID()]).status == 200)
      #expect(try await titles(shop, id) == ["B"])
      #expect(try await change([UUID()]).fields == ["add"])
      #expect(try await change([a], [a]).fields == ["remove"])
      #expect(try await change((0..<101).map { _ in UUID() }).fields == ["add"])
      _ = try await shop.patch(b, ["status": "archived"])
      #expect(try await titles(shop, id) == [], "the public sees what is published")
      let place = "/api/v1/collections/\(id.lowercased)"
      #expect(try await shop.send(ProductAPI.collection, place, token: nil).status == 200)
      let rules: [String: Any] = [
        "match": "all", "conditions": [["field": "tag", "relation": "equals", "value": "x"]],
      ]
      #expect(try await shop.send(ProductAPI.updateCollection, place, ["rules": rules]).fields == ["rules"])
      let renamed = try await shop.send(ProductAPI.updateCollection, place, ["title": "Winter", "slug": "winter"])
      #expect(try renamed.value.slug == "winter")
      #expect(
        try await shop.send(ProductAPI.deleteCollection, place, headers: ["If-Match": created.etag]).status == 412)
      #expect(try await shop.send(ProductAPI.deleteCollection, place).status == 204)
      #expect(try await shop.send(ProductAPI.collection, place).status == 404)
      #expect(try await titles(shop, id) == [])
      #expect(try await shop.get(a).status == 200)
    }
  }

  @Test("rules hold at the moment of asking, by title, tag, category and price", arguments: Engine.available)
  func rules(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let root = try await shop.send(ProductAPI.createCategory, nil, ["name": "Root"]).value.id
      let leaf = try await shop.send(ProductAPI.createCategory, nil, ["name": "Leaf", "parent_id": root.uuidString])
        .value.id
      let red = try await shop.shirt(
        "R", title: "Red 100% Shirt", amount: 10, more: ["tags": ["Sale"], "category_id": leaf.uuidString])
      try await shop.shirt("B", title: "Blue_Shirt", amount: 20, more: ["category_id": root.uuidString])
      try await shop.shirt("G", title: "Grün", amount: 30, more: ["tags": ["sale", "new"]])
      try await shop.shirt("Y", title: "Yen", amount: 10, currency: "JPY")
      let (all, none) = (["Blue_Shirt", "Grün", "Red 100% Shirt", "Yen"], [String]())
      func price(_ relation: String, _ amount: Int) -> [String: Any] {
        ["field": "price", "relation": relation, "price": ["amount": amount, "currency": "USD"]]
      }
      func text(_ field: String, _ relation: String, _ value: String) -> [String: Any] {
        ["field": field, "relation": relation, "value": value]
      }
      let cases: [(String, [[String: Any]], [String])] = [
        ("all", [text("title", "contains", "SHIRT")], ["Blue_Shirt", "Red 100% Shirt"]),
        ("all", [text("title", "contains", "%")], ["Red 100% Shirt"]),
        ("all", [text("title", "contains", "_")], ["Blue_Shirt"]),
        ("all", [text("title", "starts_with", "gru")], ["Grün"]),
        ("all", [text("title", "equals", "yen")], ["Yen"]),
        ("all", [text("title", "not_equals", "yen")], ["Blue_Shirt", "Grün", "Red 100% Shirt"]),
        ("all", [text("tag", "equals", "SALE")], ["Grün", "Red 100% Shirt"]),
        ("all", [text("tag", "not_equals", "sale")], ["Blue_Shirt", "Yen"]),
        ("all", [text("category", "equals", root.uuidString)], ["Blue_Shirt", "Red 100% Shirt"]),
        ("all", [text("category", "equals", leaf.uuidString)], ["Red 100% Shirt"]),
        ("all", [text("category", "not_equals", root.uuidString)], ["Grün", "Yen"]),
        ("all", [price("less_than", 20)], ["Red 100% Shirt"]),
        ("all", [price("at_most", 20)], ["Blue_Shirt", "Red 100% Shirt"]),
        ("all", [price("equals", 30)], ["Grün"]), ("all", [price("at_least", 30)], ["Grün"]),
        ("all", [price("greater_than", 30)], none),
        ("all", [text("tag", "equals", "sale"), price("less_than", 20)], ["Red 100% Shirt"]),
        ("any", [text("tag", "equals", "new"), price("less_than", 20)], ["Grün", "Red 100% Shirt"]),
        ("any", [text("title", "not_equals", "yen"), text("title", "equals", "yen")], all),
      ]
      for (match, conditions, expected) in cases {
        let reply = try await shop.send(
          ProductAPI.createCollection, nil, ["title": "C", "rules": ["match": match, "conditions": conditions]])
        try #require(reply.status == 201, "\(reply.text)")
        #expect(try await titles(shop, reply.value.id) == expected, "\(conditions)")
      }
      let sale = try await shop.send(
        ProductAPI.createCollection, nil,
        ["title": "Sale", "rules": ["match": "all", "conditions": [text("tag", "equals", "sale")]]]
      ).value
      _ = try await shop.patch(red.id, ["tags": ["full price"]])
      #expect(try await titles(shop, sale.id) == ["Grün"], "at once")
      let place = "/api/v1/collections/\(sale.id.lowercased)"
      let changed = try await shop.send(
        ProductAPI.updateCollection, place, ["rules": ["match": "all", "conditions": [price("at_most", 10)]]])
      #expect(changed.status == 200, "\(changed.text)")
      #expect(try await titles(shop, sale.id) == ["Red 100% Shirt"])
      #expect(try await shop.send(ProductAPI.updateCollection, place, ["rules": NSNull()]).fields == ["rules"])
      let members = try await shop.send(ProductAPI.changeMembers, "\(place)/products", ["add": [red.id.uuidString]])
      #expect(members.status == 409 && members.code == "collection_has_rules")
    }
  }

  @Test("rules that make no sense are told by field", arguments: Engine.available)
  func invalid(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func fields(_ conditions: [[String: Any]]) async throws -> [String] {
        try await shop.send(
          ProductAPI.createCollection, nil, ["title": "x", "rules": ["match": "all", "conditions": conditions]]
        ).fields
      }
      #expect(try await fields([]) == ["rules.conditions"])
      let many = Array(repeating: ["field": "tag", "relation": "equals", "value": "x"], count: 21)
      #expect(try await fields(many) == ["rules.conditions"])
      #expect(
        try await fields([
          ["field": "tag", "relation": "less_than", "value": "x"], ["field": "tag", "relation": "equals"],
          ["field": "price", "relation": "equals", "value": "x"],
          ["field": "category", "relation": "equals", "value": "x"],
        ]) == [
          "rules.conditions.0.relation", "rules.conditions.1.value", "rules.conditions.2.price",
          "rules.conditions.3.value",
        ])
      let collections = try await shop.send(ProductAPI.collections).value.items
      #expect(collections.isEmpty)
    }
  }
}
