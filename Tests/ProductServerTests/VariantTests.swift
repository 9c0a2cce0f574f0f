import Foundation
import GravityContracts
import GravityData
import ProductAPI
import Testbed
import Testing

@Suite struct VariantTests {
  @Test("variants have a combination of option values each; one that stands twice is 422", arguments: Engine.available)
  func combinations(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func variant(_ sku: String, _ size: String, _ color: String) -> [String: Any] {
        ["sku": sku, "options": ["Size": size, "Color": color], "price": ["amount": 1, "currency": "USD"]]
      }
      let options: [[String: Any]] = [
        ["name": "Size", "values": ["S", "M"]], ["name": "Color", "values": ["Red", "Blue"]],
      ]
      let good = try await shop.create([
        "title": "Shirt", "options": options, "variants": [variant("1", "S", "Red"), variant("2", "M", "Blue")],
      ])
      #expect(good.status == 201, "\(good.text)")
      #expect(try good.value.variants.map(\.title) == ["S / Red", "M / Blue"])
      func refused(_ variants: [[String: Any]], _ options: [[String: Any]]) async throws -> [String] {
        let reply = try await shop.create(["title": "x", "options": options, "variants": variants])
        #expect(reply.status == 422)
        return (reply.problem?.errors ?? []).map { "\($0.field) \($0.code)" }
      }
      #expect(
        try await refused([variant("a", "S", "Red"), variant("b", "S", "Red")], options)
          == ["variants.1.options duplicate"])
      #expect(
        try await refused(
          [variant("a", "XL", "Red"), ["sku": "b", "options": ["Size": "S", "Weight": "1"]]], options)
          == [
            "variants.0.options.Size unknown", "variants.1.options.Color required", "variants.1.options.Weight unknown",
          ])
      #expect(
        try await refused([["sku": "a"], ["sku": "b"]], []) == ["variants.1.options duplicate"],
        "without options there is one variant")
      #expect(
        try await refused([variant("a", "S", "Red"), variant("a", "S", "Blue")], options)
          == ["variants.1.sku duplicate"])
      #expect(
        try await refused([], [["name": "Size", "values": ["S", "s"]], ["name": "SIZE", "values": []]])
          == ["options.0.values.1 duplicate", "options.1.name duplicate", "options.1.values range"])
      // Options that are not named come from the variants.
      let derived = try await shop.create([
        "title": "x", "variants": [variant("d1", "M", "Red"), variant("d2", "S", "Red")],
      ]).value
      #expect(
        derived.options == [
          ProductOption(name: "Color", values: ["Red"]), ProductOption(name: "Size", values: ["M", "S"]),
        ])
    }
  }

  @Test("a product has at most 100 variants", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func fields(_ count: Int) -> [String: Any] {
        let variants = (0..<count).map { ["sku": "V\($0)", "options": ["N": "\($0 % 100)", "M": "\($0 / 100)"]] }
        return ["title": "Many", "variants": variants]
      }
      let over = try await shop.create(fields(101))
      #expect(over.status == 422 && over.fields == ["variants"])
      let full = try await shop.create(fields(100)).value
      #expect(full.variants.count == 100)
      let more = try await shop.send(
        ProductAPI.addVariant, shop.path(full.id, "/variants"), ["sku": "V100", "options": ["N": "0", "M": "0"]])
      #expect(more.status == 422 && more.fields == ["variants"])
    }
  }

  @Test("a SKU is one variant's, also when twenty ask for it at once", arguments: Engine.available)
  func skus(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let replies = try await withThrowingTaskGroup(of: Reply<Product>.self) { group in
        for number in 0..<20 {
          group.addTask { try await shop.create(["title": "P\(number)", "variants": [["sku": "HOT"]]]) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.filter { $0.status == 201 }.count == 1, "\(replies.map(\.status))")
      let refused = replies.filter { $0.status != 201 }
      #expect(refused.allSatisfy { $0.status == 409 && $0.code == "sku_taken" }, "\(refused.map(\.text))")
      #expect(refused.allSatisfy { $0.problem?.extensions["sku"] == .string("HOT") })
      #expect(try await shop.footprint()["products"] == 1)
      let other = try await shop.shirt("COLD")
      let variant = shop.path(other.id, "/variants/\(other.variants[0].id.lowercased)")
      #expect(try await shop.send(ProductAPI.updateVariant, variant, ["sku": "HOT"]).code == "sku_taken")
      #expect(try await shop.patch(other.id, ["variants": [["sku": "HOT"]]]).code == "sku_taken")
      #expect(try await shop.send(ProductAPI.updateVariant, variant, ["sku": "WARM"]).value.variants[0].sku == "WARM")
      #expect(try await shop.create(["title": "x", "variants": [["sku": "COLD"]]]).status == 201)
    }
  }

  @Test("two variants may change SKUs with one another", arguments: Engine.available)
  func swap(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func variants(_ s: String, _ m: String) -> [[String: Any]] {
        [["sku": s, "options": ["Size": "S"]], ["sku": m, "options": ["Size": "M"]]]
      }
      let product = try await shop.create(["title": "x", "variants": variants("A", "B")]).value
      let swapped = try await shop.patch(product.id, ["variants": variants("B", "A")])
      #expect(swapped.status == 200, "\(swapped.text)")
      #expect(try swapped.value.variants.map(\.options) == [["Size": "S"], ["Size": "M"]])
      // The SKU says which variant it is.
      #expect(try swapped.value.variants.map(\.id) == product.variants.map(\.id).reversed())
    }
  }

  @Test("variants are added, changed and deleted one by one", arguments: Engine.available)
  func oneByOne(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let options = [["name": "Size", "values": ["S", "M"]]]
      let product = try await shop.create([
        "title": "Shirt", "status": "published", "options": options,
        "variants": [["sku": "S", "options": ["Size": "S"]]],
      ]).value
      let variants = shop.path(product.id, "/variants")
      let wrong = try await shop.send(
        ProductAPI.addVariant, variants,
        ["sku": " ", "options": ["Size": "L"], "price": ["amount": -1, "currency": "USD"]])
      #expect(wrong.fields.sorted() == ["options.Size", "price.amount", "sku"])
      let taken = try await shop.send(ProductAPI.addVariant, variants, ["sku": "T", "options": ["Size": "S"]])
      #expect(taken.fields == ["options"] && taken.problem?.errors?[0].code == "duplicate")
      let added = try await shop.send(
        ProductAPI.addVariant, variants,
        ["sku": "M", "options": ["Size": "M"], "price": ["amount": 5, "currency": "EUR"], "requires_shipping": false])
      #expect(added.status == 201)
      let variant = try #require(try added.value.variants.last)
      #expect(variant.sku == "M" && variant.title == "M" && !variant.requiresShipping)
      #expect(variant.price == variant.prices[0])
      let place = "\(variants)/\(variant.id.lowercased)"
      let changed = try await shop.send(
        ProductAPI.updateVariant, place,
        ["title": "Medium", "barcode": "123", "price": ["amount": 7, "currency": "USD"]]
      ).value.variants[1]
      #expect(changed.title == "Medium" && changed.barcode == "123" && changed.prices.count == 2)
      let nulls = try await shop.send(
        ProductAPI.updateVariant, place, ["title": NSNull(), "barcode": NSNull(), "prices": NSNull()]
      ).value.variants[1]
      #expect(nulls.title == "M" && nulls.barcode == nil && nulls.prices.isEmpty && nulls.price == nil)
      #expect(
        try await shop.send(ProductAPI.updateVariant, place, ["sku": NSNull(), "price": NSNull()]).fields
          == ["sku", "price"])
      #expect(try await shop.send(ProductAPI.deleteVariant, place).value.variants.map(\.sku) == ["S"])
      #expect(try await shop.send(ProductAPI.deleteVariant, place).status == 404)
      #expect(try await shop.send(ProductAPI.updateVariant, place, ["sku": "Z"]).status == 404)
      let last = "\(variants)/\(product.variants[0].id.lowercased)"
      #expect(try await shop.send(ProductAPI.deleteVariant, last).code == "last_variant")
      #expect(try await shop.patch(product.id, ["variants": [Any]()]).fields == ["variants"])
      let bare = try await shop.create(["title": "x", "status": "published"])
      #expect(bare.status == 422 && bare.fields == ["variants"])
    }
  }

  @Test("a title that was made follows the options, one that was chosen stays", arguments: Engine.available)
  func titles(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.create([
        "title": "x",
        "variants": [
          ["sku": "A", "options": ["Size": "S"]], ["sku": "B", "options": ["Size": "M"], "title": "The big one"],
        ],
      ]).value
      let again = try await shop.patch(
        product.id,
        [
          "options": [["name": "Size", "values": ["Small", "Middle"]]],
          "variants": [
            ["sku": "A", "options": ["Size": "Small"], "title": product.variants[0].title ?? ""],
            ["sku": "B", "options": ["Size": "Middle"], "title": "The big one"],
          ],
        ]
      ).value
      #expect(again.variants.map(\.title) == ["Small", "The big one"])
      #expect(again.variants.map(\.id) == product.variants.map(\.id))
    }
  }
}
