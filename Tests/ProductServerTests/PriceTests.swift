import Foundation
import GravityContracts
import GravityData
import ProductAPI
import Testbed
import Testing

@Suite struct PriceTests {
  @Test(
    "one price for each currency, and compare_at above it: everything that is wrong is named",
    arguments: Engine.available)
  func rules(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      func money(_ amount: Int, _ currency: String) -> [String: Any] { ["amount": amount, "currency": currency] }
      func price(_ amount: Int, _ currency: String, _ before: [String: Any]) -> [String: Any] {
        ["amount": amount, "currency": currency, "compare_at": before]
      }
      let wrong = try await shop.create([
        "title": "x",
        "variants": [
          [
            "sku": "A", "price": money(5, "USD"),
            "prices": [
              money(1, "EUR"), money(2, "EUR"), price(100, "JPY", money(100, "JPY")),
              price(100, "KWD", money(200, "USD")), money(-1, "GBP"), money(6, "USD"),
            ],
          ]
        ],
      ])
      #expect(
        wrong.fields == [
          "variants.0.prices.1.currency", "variants.0.prices.2.compare_at.amount",
          "variants.0.prices.3.compare_at.currency", "variants.0.prices.4.amount", "variants.0.price",
        ], "\(wrong.text)")
      let right = try await shop.create([
        "title": "x",
        "variants": [
          ["sku": "A", "price": money(0, "USD"), "prices": [price(100, "JPY", money(101, "JPY")), money(0, "USD")]]
        ],
      ])
      #expect(right.status == 201, "\(right.text)")
      let variant = try right.value.variants[0]
      #expect(variant.prices.map(\.currency.code) == ["JPY", "USD"])
      #expect(variant.prices[0].compareAt == Money(101, Currency("JPY")!))
      #expect(
        try await shop.create(["title": "x", "variants": [["sku": "B", "price": money(1, "XXX")]]]).status == 422)
      let huge = try await shop.create(["title": "x", "variants": [["sku": "B", "price": money(1 << 53, "USD")]]])
      #expect(huge.status == 422)
      let fraction = try await shop.send(
        ProductAPI.createProduct, nil,
        raw: #"{"title":"x","variants":[{"sku":"B","price":{"amount":1.5,"currency":"USD"}}]}"#,
        as: "application/json")
      #expect(fraction.status == 422)
      // What a reply held can be sent back.
      let variants = try JSONSerialization.jsonObject(with: Data(right.text.utf8)) as? [String: Any]
      let back = try await shop.patch(try right.value.id, ["variants": try #require(variants?["variants"])])
      #expect(try back.value.version == 1, "\(back.text)")
    }
  }

  /// Whatever is asked for, in whatever order, there is one price for each currency, and the tables say what the
  /// product says.
  @Test("one price for each currency, whatever is done", arguments: Engine.available, [7, 77] as [UInt64])
  func property(_ engine: Engine, _ seed: UInt64) async throws {
    try await ProductFixture.run(on: engine) { shop in
      var random = SeededGenerator(seed)
      let codes = ["USD", "EUR", "JPY", "KWD"]
      let product = try await shop.shirt("A")
      let variant = product.variants[0].id
      let place = shop.path(product.id, "/variants/\(variant.lowercased)")
      for _ in 0..<40 {
        func price() -> [String: Any] {
          let (amount, code) = (Int.random(in: 0...9, using: &random), codes.randomElement(using: &random)!)
          guard Bool.random(using: &random) else { return ["amount": amount, "currency": code] }
          let before = Int.random(in: 0...12, using: &random)
          return ["amount": amount, "currency": code, "compare_at": ["amount": before, "currency": code]]
        }
        let fields: [String: Any] =
          switch Int.random(in: 0..<3, using: &random) {
          case 0: ["price": price()]
          case 1: ["prices": (0..<Int.random(in: 0...3, using: &random)).map { _ in price() }]
          default: ["price": price(), "prices": [price()]]
          }
        let reply = try await shop.send(ProductAPI.updateVariant, place, fields)
        #expect([200, 422].contains(reply.status), "\(reply.text)")
        let prices = try await shop.get(product.id).value.variants[0].prices
        #expect(Set(prices.map(\.currency)).count == prices.count)
        #expect(prices.allSatisfy { $0.amount >= 0 && ($0.compareAt?.amount ?? .max) > $0.amount })
        let rows = try await shop.database.rows(
          "SELECT currency, amount, compare_at FROM prices WHERE variant_id = \(variant) ORDER BY currency")
        let kept = try rows.map { try "\($0.get(0, as: String.self)) \($0.get(1, as: Int64.self))" }
        #expect(kept == prices.map { "\($0.currency) \($0.amount)" }.sorted())
        let lowest = try await shop.database.rows(
          "SELECT currency, lowest FROM product_prices WHERE product_id = \(product.id) ORDER BY currency"
        ).map { try "\($0.get(0, as: String.self)) \($0.get(1, as: Int64.self))" }
        #expect(lowest == kept)
      }
    }
  }
}

/// splitmix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
