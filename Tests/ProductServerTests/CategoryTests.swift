import Foundation
import GravityContracts
import GravityData
import ProductAPI
import Testbed
import Testing

@Suite struct CategoryTests {
  private func create(
    _ shop: ProductFixture, _ name: String, under parent: UUID? = nil
  ) async throws -> Reply<Category> {
    try await shop.send(
      ProductAPI.createCategory, nil, ["name": name].merging(parent.map { ["parent_id": $0.uuidString] } ?? [:]) { $1 })
  }

  private func move(
    _ shop: ProductFixture, _ id: UUID, under parent: UUID?
  ) async throws -> Reply<Category> {
    try await shop.send(
      ProductAPI.updateCategory, "/api/v1/categories/\(id.lowercased)",
      ["parent_id": parent.map { $0.uuidString as Any } ?? NSNull()])
  }

  @Test("categories are a tree that can be walked, with names and slugs", arguments: Engine.available)
  func tree(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let clothes = try await create(shop, "Clothes").value
      let shirts = try await create(shop, "Shirts", under: clothes.id).value
      let polos = try await create(shop, "Polo Shirts", under: shirts.id).value
      #expect(polos.slug == "polo-shirts" && polos.parentID == shirts.id)
      let path = "/api/v1/categories/\(polos.id.lowercased)"
      let found = try await shop.send(ProductAPI.category, path, token: nil)
      #expect(try found.value.ancestors?.map(\.name) == ["Clothes", "Shirts"])
      func names(_ query: String) async throws -> [String] {
        try await shop.send(ProductAPI.categories, "/api/v1/categories?\(query)", token: nil).value.items.map(\.name)
      }
      #expect(try await names("") == ["Clothes", "Shirts", "Polo Shirts"])
      #expect(try await names("root=true") == ["Clothes"])
      #expect(try await names("parent_id=\(shirts.id.lowercased)") == ["Polo Shirts"])
      #expect(try await names("slug=shirts") == ["Shirts"])
      #expect(
        try await shop.send(
          ProductAPI.categories, "/api/v1/categories?root=true&parent_id=\(shirts.id.lowercased)"
        ).status == 422)
      let taken = try await shop.send(ProductAPI.createCategory, nil, ["name": "x", "slug": "shirts"])
      #expect(taken.code == "slug_taken")
      #expect(try await create(shop, "Shirts").value.slug == "shirts-2")
      #expect(
        try await shop.send(ProductAPI.createCategory, nil, ["name": "", "slug": "X"]).fields == ["name", "slug"])
      #expect(try await create(shop, "x", under: UUID()).fields == ["parent_id"])
      let renamed = try await shop.send(ProductAPI.updateCategory, path, ["name": "Polos", "slug": NSNull()]).value
      #expect(renamed.name == "Polos" && renamed.slug == "polos" && renamed.version == 2)
      let stale = ["If-Match": found.etag]
      #expect(try await shop.send(ProductAPI.updateCategory, path, ["name": "x"], headers: stale).status == 412)
      #expect(try await shop.send(ProductAPI.deleteCategory, path, headers: stale).status == 412)
      #expect(try await move(shop, polos.id, under: nil).value.parentID == nil)
      #expect(try await move(shop, UUID(), under: nil).status == 404)
    }
  }

  @Test("a ring is 422, and so is a ninth level", arguments: Engine.available)
  func bounds(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      var chain: [UUID] = []
      for level in 1...8 { chain.append(try await create(shop, "L\(level)", under: chain.last).value.id) }
      let deep = try await create(shop, "L9", under: chain[7])
      #expect(deep.status == 422 && deep.problem?.errors?[0].code == "too_deep")
      for target in [0, 3, 7] {
        let ring = try await move(shop, chain[0], under: chain[target])
        #expect(ring.status == 422 && ring.problem?.errors?[0].code == "cycle", "\(ring.text)")
      }
      let other = try await create(shop, "Other").value.id
      #expect(try await move(shop, chain[0], under: other).problem?.errors?[0].code == "too_deep")
      #expect(try await move(shop, chain[1], under: other).status == 200, "seven levels under one are eight")
      #expect(try await move(shop, other, under: chain[7]).problem?.errors?[0].code == "cycle")
    }
  }

  @Test("only an empty category is deleted", arguments: Engine.available)
  func delete(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let parent = try await create(shop, "Parent").value.id
      let child = try await create(shop, "Child", under: parent).value.id
      func delete(_ id: UUID) async throws -> Reply<Empty> {
        try await shop.send(ProductAPI.deleteCategory, "/api/v1/categories/\(id.lowercased)")
      }
      #expect(try await delete(parent).code == "category_not_empty")
      let product = try await shop.shirt("A", more: ["category_id": child.uuidString])
      #expect(try await delete(child).code == "category_not_empty")
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
      #expect(try await delete(child).status == 204)
      #expect(try await delete(child).status == 404)
      #expect(try await delete(parent).status == 204)
      // The product comes back without it.
      let restored = try await shop.send(ProductAPI.restoreProduct, shop.path(product.id, "/restore")).value
      #expect(restored.categoryID == nil)
    }
  }

  /// Moves at random, by several at once: each alone is checked, and so must be what they come to together. The tree is
  /// looked at after every move, since the next one may undo a ring.
  @Test("random moves at once never make a ring", arguments: Engine.available, [3, 33] as [UInt64])
  func property(_ engine: Engine, _ seed: UInt64) async throws {
    try await ProductFixture.run(on: engine) { shop in
      var ids: [UUID] = []
      for number in 0..<7 { ids.append(try await create(shop, "C\(number)").value.id) }
      let all = ids
      let (moved, refused) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
        for worker in 0..<4 {
          group.addTask {
            var (random, moved, refused) = (SeededGenerator(seed &+ UInt64(worker)), 0, 0)
            for _ in 0..<25 {
              let (id, parent) = (all.randomElement(using: &random)!, all.randomElement(using: &random)!)
              let reply = try await move(shop, id, under: Int.random(in: 0..<5, using: &random) == 0 ? nil : parent)
              if reply.status == 200 { moved += 1 } else { refused += 1 }
              #expect([200, 422].contains(reply.status), "\(reply.text)")
              #expect(try await deepest(shop) <= all.count, "a way up has no end")
            }
            return (moved, refused)
          }
        }
        return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
      }
      #expect(moved > 20 && refused > 10, "\(moved) moved, \(refused) refused")
    }
  }

  /// The steps of the longest way up; more than there are categories when one has no end.
  private func deepest(_ shop: ProductFixture) async throws -> Int {
    var parents: [UUID: UUID] = [:]
    let rows = try await shop.database.rows("SELECT id, parent_id FROM categories")
    for row in rows { parents[try row.get("id")] = try row.get("parent_id", as: UUID?.self) }
    var longest = 0
    for row in rows {
      var (steps, place): (Int, UUID?) = (0, try row.get("id"))
      while let next = place, steps <= rows.count { (steps, place) = (steps + 1, parents[next]) }
      longest = max(longest, steps)
    }
    return longest
  }

  @Test("two moves that would make a ring together do not", arguments: Engine.available)
  func crossed(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      for _ in 0..<10 {
        let (a, b) = (try await create(shop, "A").value.id, try await create(shop, "B").value.id)
        async let first = move(shop, a, under: b).status
        async let second = move(shop, b, under: a).status
        #expect(try await [first, second].sorted() == [200, 422])
      }
    }
  }
}
