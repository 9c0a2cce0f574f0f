import Foundation
import GravityContracts
import GravityData
import InventoryAPI

/// The places where stock is.
struct Locations: Sendable {
  let core: InventoryCore

  private static let most = 1_000

  func list(_ request: PageRequest) async throws -> Page<StockLocation> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { cursor in
      guard cursor.parts.count == 1 else { throw Problem.invalid("cursor", "format", "is not a cursor of this list") }
      return cursor.parts[0]
    }
    return try await core.database.read { transaction in
      let rows = try LocationStore(transaction).list(after: after, limit: limit + 1)
      return Page(fetched: rows, limit: limit) { Cursor([$0.code]) }
    }
  }

  func find(_ code: String) async throws -> StockLocation {
    let found = try await core.database.read { try LocationStore($0).find(code) }
    guard let found else { throw Problem.notFound("location") }
    return found
  }

  func create(_ request: NewStockLocation, once key: IdempotencyKey?) async throws -> Once<StockLocation> {
    let code = request.code
    guard Self.isCode(code) else {
      throw Problem.invalid("code", "format", "must be 1 to 40 of a–z 0–9 - _, beginning with a letter or digit")
    }
    let (name, priority) = (try Self.name(request.name), try Self.priority(request.priority ?? 100))
    return try await core.database.write(once: key) { [core] transaction in
      let (store, now) = (LocationStore(transaction), try core.now(transaction))
      guard try store.find(code) == nil else {
        throw Problem(409, "location_exists", "There is a location \(code) already")
      }
      guard try store.count() < Self.most else {
        throw Problem(409, "too_many_locations", "There are \(Self.most) locations already")
      }
      let location = StockLocation(
        code: code, name: name, priority: priority, version: 1, createdAt: now, updatedAt: now)
      try store.insert(location)
      return location
    }
  }

  func update(
    _ request: StockLocationUpdate, _ require: @escaping @Sendable (StockLocation) throws -> Void
  ) async throws -> StockLocation {
    let name = try request.name.map(Self.name)
    let priority = try request.priority.map(Self.priority)
    return try await core.database.write { [core] transaction in
      let store = LocationStore(transaction)
      guard let old = try store.find(request.code) else { throw Problem.notFound("location") }
      try require(old)
      var location = old
      location.name = name ?? old.name
      location.priority = priority ?? old.priority
      guard location != old else { return old }
      location.version += 1
      location.updatedAt = try core.now(transaction)
      try store.update(location)
      return location
    }
  }

  func delete(_ code: String, _ require: @escaping @Sendable (StockLocation) throws -> Void) async throws {
    try await core.database.write { transaction in
      try transaction.lock(StockWriter.lock)
      let store = LocationStore(transaction)
      guard let location = try store.find(code) else { throw Problem.notFound("location") }
      try require(location)
      guard code != StockLocation.main, try !store.isUsed(code) else {
        throw Problem(409, "location_in_use", "The location was used, and its movements stay")
      }
      try store.delete(code)
    }
  }

  private static func isCode(_ code: String) -> Bool {
    (1...40).contains(code.utf8.count) && code.first != "-" && code.first != "_"
      && code.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
      }
  }

  private static func name(_ name: String) throws -> String {
    guard (1...200).contains(name.unicodeScalars.count), Text.isPrintable(name) else {
      throw Problem.invalid("name", "format", "must have 1 to 200 characters and no control characters")
    }
    return name
  }

  private static func priority(_ priority: Int64) throws -> Int64 {
    guard (0...1_000_000).contains(priority) else {
      throw Problem.invalid("priority", "range", "must be from 0 to 1000000")
    }
    return priority
  }
}
