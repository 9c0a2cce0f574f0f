import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import ProductAPI
import Testbed
import Testing
@testable import ProductServer

@Suite struct SlugTests {
  private func bySlug(_ shop: ProductFixture, _ slug: String) async throws -> Reply<Product> {
    try await shop.send(ProductAPI.productBySlug, "/api/v1/products/by-slug/\(slug)", token: nil)
  }

  @Test(
    "a slug is made of the title, with a suffix where it is taken; a given one that is taken is 409",
    arguments: Engine.available)
  func made(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      var slugs: [String] = []
      for number in 0..<8 {
        slugs.append(try await shop.shirt("S\(number)", title: "  Crème brûlée & Co. (2 €)! ").slug)
      }
      #expect(slugs.prefix(3) == ["creme-brulee-co-2", "creme-brulee-co-2-2", "creme-brulee-co-2-3"])
      #expect(Set(slugs).count == 8)
      #expect(try await shop.shirt("E", title: "🙂").slug.hasPrefix("product-"))
      #expect(try await shop.shirt("J", title: "日本 の シャツ").slug == "日本-の-シャツ")
      let taken = try await shop.create(["title": "x", "slug": slugs[0]])
      #expect(taken.status == 409 && taken.code == "slug_taken")
      #expect(taken.problem?.extensions["slug"] == .string(slugs[0]))
      for wrong in ["", "A", "a b", "-a", "a-", "a--b", "a/b", "a_b", String(repeating: "a", count: 121), "é\u{0}"] {
        let reply = try await shop.create(["title": "x", "slug": wrong])
        #expect(reply.status == 422 || reply.status == 400, "\(wrong)")
      }
      let encoded = "%E6%97%A5%E6%9C%AC-%E3%81%AE-%E3%82%B7%E3%83%A3%E3%83%84"
      #expect(try await bySlug(shop, encoded).status == 200)
    }
  }

  @Test(
    "former slugs answer 301 with the present address, until another product takes them", arguments: Engine.available)
  func history(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A", more: ["slug": "first"])
      #expect(try await shop.patch(product.id, ["slug": "second"]).status == 200)
      #expect(try await shop.patch(product.id, ["slug": "größe-3"]).status == 200)
      for former in ["first", "second"] {
        let reply = try await bySlug(shop, former)
        #expect(reply.status == 301)
        #expect(reply.headers[.location] == "/api/v1/products/by-slug/gr%C3%B6%C3%9Fe-3")
        #expect(try reply.value.id == product.id)
      }
      #expect(try await bySlug(shop, "gr%C3%B6%C3%9Fe-3").status == 200)
      #expect(try await bySlug(shop, "third").status == 404)
      #expect(try await bySlug(shop, "by-slug%00").status == 400)
      // Back to a former one.
      #expect(try await shop.patch(product.id, ["slug": "first"]).value.slug == "first")
      #expect(try await bySlug(shop, "first").status == 200)
      #expect(try await bySlug(shop, "second").headers[.location] == "/api/v1/products/by-slug/first")
      // Somebody else's now.
      let other = try await shop.shirt("B", more: ["slug": "second"])
      let found = try await bySlug(shop, "second")
      #expect(found.status == 200)
      #expect(try found.value.id == other.id)
      #expect(try await shop.patch(product.id, ["slug": "second"]).code == "slug_taken")
      #expect(try await shop.patch(product.id, ["slug": NSNull(), "title": "Hose"]).value.slug == "hose")
      // A product that others may not see does not show where it went.
      _ = try await shop.patch(product.id, ["status": "archived"])
      #expect(try await bySlug(shop, "first").status == 404)
    }
  }

  @Test("no more than twenty former slugs are kept", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let product = try await shop.shirt("A", more: ["slug": "s0"])
      for number in 1...25 { _ = try await shop.patch(product.id, ["slug": "s\(number)"]) }
      #expect(try await shop.footprint()["slugs"] == 21)
      #expect(try await bySlug(shop, "s4").status == 404)
      #expect(try await bySlug(shop, "s5").status == 301)
    }
  }

  @Test("of twenty that ask for one slug at once, one gets it", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let statuses = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for number in 0..<20 {
          group.addTask {
            let reply = try await shop.create(["title": "P\(number)", "slug": "hot"])
            return (reply.status, reply.code)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0.0 == 201 }.count == 1)
      #expect(statuses.filter { $0.0 == 409 && $0.1 == "slug_taken" }.count == 19, "\(statuses)")
      // Of those that are made, each gets one of its own.
      let made = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<20 { group.addTask { try await shop.create(["title": "Same"]).value.slug } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(made).count == 20)
    }
  }

  @Test(
    "what is made is what would be taken",
    arguments: ["Hello World", "ÄÖÜ ß", "  - -", "a'b", "ﬁne Ⅳ", "Ελλάδα İstanbul"])
  func wellFormed(_ title: String) {
    let made = Slug.made(of: title)
    var errors: [Problem.FieldError] = []
    #expect(made.isEmpty || Slug.checked(made, &errors) == made, "\(made)")
    let long = Slug.candidates(of: String(repeating: "wörter ", count: 100), id: UUID(), fallback: "product")
    for candidate in long { #expect(Slug.checked(candidate, &errors) == candidate) }
    #expect(errors.isEmpty)
  }
}
