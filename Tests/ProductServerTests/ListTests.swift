import Foundation
import GravityContracts
import GravityData
import ProductAPI
import Testbed
import Testing

@Suite struct ListTests {
  @Test("lists are filtered by category, tag, SKU, price and beginnings of words", arguments: Engine.available)
  func filters(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let clothes = try await shop.send(ProductAPI.createCategory, nil, ["name": "Clothes"]).value
      let shirts = try await shop.send(
        ProductAPI.createCategory, nil, ["name": "Shirts", "parent_id": clothes.id.uuidString]
      ).value
      try await shop.shirt(
        "R", title: "Red Shirt", amount: 1000, more: ["tags": ["Sale"], "category_id": shirts.id.uuidString])
      try await shop.shirt("B", title: "Blue Shirt", amount: 2000, more: ["category_id": clothes.id.uuidString])
      try await shop.shirt("H", title: "Über-Hose", amount: 3000, more: ["tags": ["SALE", "New"]])
      try await shop.shirt("Y", title: "Yen", amount: 500, currency: "JPY")
      #expect(try await shop.titles() == ["Yen", "Über-Hose", "Blue Shirt", "Red Shirt"], "the newest first")
      #expect(try await shop.titles("sort=title") == ["Blue Shirt", "Red Shirt", "Über-Hose", "Yen"])
      #expect(try await shop.titles("sort=title&direction=desc&limit=2") == ["Yen", "Über-Hose"])
      #expect(try await shop.titles("sort=price&currency=USD") == ["Red Shirt", "Blue Shirt", "Über-Hose"])
      #expect(try await shop.titles("sort=price&direction=desc&currency=USD").first == "Über-Hose")
      #expect(try await shop.titles("tag=sale") == ["Über-Hose", "Red Shirt"])
      #expect(try await shop.titles("sku=B") == ["Blue Shirt"])
      #expect(try await shop.titles("category=\(clothes.id.lowercased)&sort=title") == ["Blue Shirt", "Red Shirt"])
      #expect(try await shop.titles("category=\(shirts.id.lowercased)") == ["Red Shirt"])
      #expect(try await shop.titles("category=\(UUID().lowercased)") == [])
      #expect(
        try await shop.titles("currency=USD&price_min=1000&price_max=2000&sort=price") == ["Red Shirt", "Blue Shirt"])
      #expect(try await shop.titles("currency=JPY") == ["Yen"])
      #expect(try await shop.titles("q=shi&sort=title") == ["Blue Shirt", "Red Shirt"])
      #expect(try await shop.titles("q=SHI+re") == ["Red Shirt"])
      #expect(try await shop.titles("q=uber") == ["Über-Hose"])
      #expect(try await shop.titles("q=irt") == [], "a word is found by its beginning")
      #expect(try await shop.titles("tag=sale&q=shirt&currency=USD&price_max=1000") == ["Red Shirt"])
    }
  }

  @Test("what a list cannot be asked is told by field", arguments: Engine.available)
  func invalid(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      for (query, field) in [
        ("limit=0", "limit"), ("limit=101", "limit"), ("sort=price", "currency"), ("price_min=1", "currency"),
        ("currency=USD&price_min=2&price_max=1", "price_max"), ("currency=USD&price_min=-1", "price_min"),
        ("currency=XXX", "currency"), ("q=%20", "q"), ("q=a+b+c+d+e+f", "q"), ("sort=color", "sort"),
        ("fields=title,colour", "fields"), ("cursor=abc", "cursor"), ("category=1", "category"),
        ("tag=\(String(repeating: "x", count: 201))", "tag"),
      ] {
        let reply = try await shop.list(query)
        #expect(reply.status == 422 && reply.fields == [field], "\(query): \(reply.text)")
      }
      for number in 0..<3 { try await shop.shirt("\(number)") }
      let cursor = try #require(try await shop.list("limit=1").value.nextCursor)
      #expect(try await shop.list("limit=1&sort=title&cursor=\(cursor)").fields == ["cursor"], "of another order")
    }
  }

  @Test("fields says what each product carries", arguments: Engine.available)
  func fields(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A", more: ["tags": ["x"]])
      let reply = try await shop.list("fields=title,tags")
      let object = try JSONSerialization.jsonObject(with: Data(reply.text.utf8)) as? [String: Any]
      let items = try #require(object?["items"] as? [[String: Any]])
      #expect(Set(items[0].keys) == ["id", "version", "title", "tags"])
      #expect(try await shop.list("fields=slug").value.items[0].slug == product.slug)
      #expect(try await shop.list().value.items[0] == PartialProduct(product))
    }
  }

  /// Every product that is there from the first page to the last is seen exactly once, whatever comes and goes
  /// meanwhile.
  @Test(
    "pages neither repeat nor leave out while rows are written", arguments: Engine.available,
    [
      "sort=created_at", "sort=created_at&direction=asc", "sort=title", "sort=title&direction=desc",
      "sort=price&currency=USD",
    ])
  func stable(_ engine: Engine, _ order: String) async throws {
    try await ProductFixture.run(on: engine) { shop in
      var stays: Set<UUID> = []
      var goes: [UUID] = []
      for number in 0..<24 {
        // Equal titles and prices, too, so that the id decides.
        let product = try await shop.shirt("P\(number)", title: "Title \(number % 5)", amount: number % 4)
        if number % 4 == 3 { goes.append(product.id) } else { stays.insert(product.id) }
      }
      var (seen, cursor, round): ([UUID], Cursor?, Int) = ([], nil, 0)
      repeat {
        let page = try await shop.list("\(order)&limit=5" + (cursor.map { "&cursor=\($0)" } ?? "")).value
        seen += page.items.map(\.id)
        cursor = page.nextCursor
        try await shop.shirt("N\(round)", title: "Title \(round % 5)", amount: round % 4)
        if let id = goes.popLast() { _ = try await shop.send(ProductAPI.deleteProduct, shop.path(id)) }
        round += 1
        try #require(round < 40)
      } while cursor != nil
      #expect(Set(seen).count == seen.count, "none twice")
      #expect(stays.isSubset(of: seen), "none left out")
    }
  }

  @Test("a whole list is the same in pages of any size", arguments: Engine.available)
  func pages(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      for number in 0..<13 { try await shop.shirt("P\(number)", title: "T\(number % 3)", amount: number % 2) }
      for order in ["sort=created_at", "sort=title", "sort=price&currency=USD&direction=desc"] {
        let whole = try await shop.list("\(order)&limit=100").value.items.map(\.id)
        #expect(whole.count == 13)
        for size in [1, 4, 13] {
          var (seen, cursor): ([UUID], Cursor?) = ([], nil)
          repeat {
            let page = try await shop.list("\(order)&limit=\(size)" + (cursor.map { "&cursor=\($0)" } ?? "")).value
            seen += page.items.map(\.id)
            cursor = page.nextCursor
          } while cursor != nil
          #expect(seen == whole, "\(order), \(size)")
        }
      }
    }
  }
}
