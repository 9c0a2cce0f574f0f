import Foundation
import GravityData
import Patience
import PostgresEngine
import SQLiteEngine
import Testing

/// Databases of a platform that does not run, as a test reaches into them.
enum MoveSource {
  static func file(_ name: String, _ folder: String) throws -> SQLiteDatabase {
    try SQLiteDatabase(path: folder + "/\(name).sqlite")
  }

  static func server(_ name: String, _ environment: [String: String]) throws -> PostgresDatabase {
    var configuration = PostgresDatabase.Configuration()
    configuration.database = (environment["GRAVITY_POSTGRES_PREFIX"] ?? "") + name
    return try PostgresDatabase(url: environment["GRAVITY_POSTGRES_URL"] ?? "", configuration: configuration)
  }

  /// Rows in several services' databases, with keys of each kind and foreign keys.
  static func fill(_ folder: String, rows: Int) async throws {
    let users = try file("user_db", folder)
    try await users.write { transaction in
      for number in 0..<rows {
        let digits = String(1_000 + number).dropFirst()
        try transaction.execute(
          """
          INSERT INTO preferences (user_id, namespace, value, version, updated_at)
          VALUES (\(UUID()), \("n\(digits)"), '{"a": 1, "b": [1.50, "\u{1F600}"]}', \(number), 1700000000000001)
          """)
        try transaction.execute(
          "INSERT INTO user_terms (term, user_id) VALUES (\("t\(digits)"), \(UUID()))")
      }
    }
    await users.close()
    let inventory = try file("inventory_db", folder)
    try await inventory.write { transaction in
      for number in 0..<rows {
        try transaction.execute(
          """
          INSERT INTO items (sku, status, low_threshold, restock_threshold, created_at, updated_at)
          VALUES (\("SKU-\(number)"), 'active', 1, 2, 0, 0)
          """)
        try transaction.execute(
          """
          INSERT INTO levels (sku, location, on_hand, reserved, allocated, incoming, movements)
          VALUES (\("SKU-\(number)"), 'main', \(number), 0, 0, 0, 0)
          """)
      }
    }
    await inventory.close()
    let payments = try file("payment_db", folder)
    try await payments.write { transaction in
      // The pending transfer has the greater id: in the order of ids it comes after the one that posts it.
      let (late, early) = ("ffffffff-0000-7000-8000-000000000000", "00000000-0000-7000-8000-000000000000")
      for (id, phase, pending) in [(late, "pending", nil), (early, "post", late)] as [(String, String, String?)] {
        try transaction.execute(
          """
          INSERT INTO ledger_transfers (id, phase, pending_id, code, currency, debit, credit, amount, payment_id,
            attempt_id, created_at)
          VALUES (\(id), \(phase), \(pending), 'test', 'USD', 'USD:a', 'USD:b', 5, \(late), \(UUID()), 0)
          """)
      }
    }
    await payments.close()
    let broker = try file("broker_db", folder)
    try await broker.write { transaction in
      for number in 0..<rows {
        try transaction.execute(
          """
          INSERT INTO queue_messages (queue, id, type, body, deliveries)
          VALUES ('q', \(UUID()), 't', \(Array("\(number)".utf8)), 0)
          """)
      }
    }
    await broker.close()
  }
}

/// A shop with an order that is paid and one that waits for its buyer, to be found again wherever it was moved.
struct MovedShop: Sendable {
  private let email: String
  private let orders: [String: Data]
  private let waiting: String
  private let action: String

  static func open(at platform: PlatformProcess) async throws -> MovedShop {
    let visitor = Visitor(base: platform.gateway)
    let administrator = try await visitor.administrator()
    let variant: [String: any Sendable] = [
      "sku": "MUG", "price": ["amount": 1_299, "currency": "USD"] as [String: any Sendable],
    ]
    let article: [String: any Sendable] = ["title": "Mug", "status": "published", "variants": [variant]]
    #expect(try await administrator.send("POST", "/api/v1/products", article).status == 201)
    let stocked = try await administrator.send(
      "POST", "/api/v1/inventory/items/MUG/adjustments", ["delta": 50, "reason": "received"])
    #expect((200..<300).contains(stocked.status))
    let (buyer, email, _) = try await visitor.newcomer()
    let paid = try await order("pm_sim_approve", by: buyer)
    #expect(paid.text("status") == "confirmed", "\(String(decoding: paid.body, as: UTF8.self))")
    let waiting = try await order("pm_sim_requires_action", by: buyer, wait: 10)
    let id = try #require(waiting.text("id"))
    // The buyer is asked once the saga is at its payment.
    let shown = try await eventually("the buyer is asked") {
      let shown = try await buyer.get("/api/v1/orders/\(id)")
      return shown.text("next_action") == nil ? nil : shown
    }
    let paidID = try #require(paid.text("id"))
    return MovedShop(
      email: email, orders: [paidID: try await buyer.get("/api/v1/orders/\(paidID)").body, id: shown.body], waiting: id,
      action: try #require(shown.text("next_action")))
  }

  /// Everything is as it was, and goes on: the password is taken, orders read the same, new ones are served.
  func check(at platform: PlatformProcess, newOrderOf quantity: Int) async throws {
    let visitor = Visitor(base: platform.gateway)
    let buyer = try await logIn(visitor)
    for (id, body) in orders {
      let found = try await buyer.get("/api/v1/orders/\(id)")
      if id == waiting, found.text("status") == "confirmed" { continue }
      #expect(try Self.sorted(found.body) == Self.sorted(body))
    }
    let administrator = try await visitor.administrator()
    let placed = try await Self.order("pm_sim_approve", by: buyer, quantity: quantity)
    #expect(placed.text("status") == "confirmed", "\(String(decoding: placed.body, as: UTF8.self))")
    let ledger = try await administrator.get("/api/v1/payments/ledger/balance")
    #expect(String(decoding: ledger.body, as: UTF8.self).contains("\"balanced\":true"))
    let (newcomer, _, _) = try await visitor.newcomer()
    #expect(try await newcomer.get("/api/v1/auth/me").status == 200)
  }

  /// The buyer passes the challenge, and the order that waited is confirmed.
  func finishChallenge(at platform: PlatformProcess) async throws {
    let buyer = try await logIn(Visitor(base: platform.gateway))
    let passed = try await buyer.send("POST", action, ["outcome": "succeed"])
    #expect((200..<300).contains(passed.status), "\(String(decoding: passed.body, as: UTF8.self))")
    try await eventually("the order is confirmed") {
      try await buyer.get("/api/v1/orders/\(waiting)").text("status") == "confirmed"
    }
  }

  /// As text, since the members of an object come in any order.
  private static func sorted(_ body: Data) throws -> String {
    let value = try JSONSerialization.jsonObject(with: body)
    return String(decoding: try JSONSerialization.data(withJSONObject: value, options: .sortedKeys), as: UTF8.self)
  }

  private func logIn(_ visitor: Visitor) async throws -> Visitor {
    let tokens = try await visitor.send(
      "POST", "/api/v1/auth/login", ["email": email, "password": "quiet-orange-window-7"])
    #expect(tokens.status == 200, "\(String(decoding: tokens.body, as: UTF8.self))")
    return Visitor(base: visitor.base, token: tokens.text("access_token"))
  }

  private static func order(
    _ method: String, by buyer: Visitor, quantity: Int = 2, wait: Int = 20
  ) async throws -> Visitor.Reply {
    let line: [String: any Sendable] = ["sku": "MUG", "quantity": quantity]
    let address: [String: any Sendable] = [
      "name": "A. Buyer", "line1": "1 High Street", "city": "Bonn", "country": "DE",
    ]
    return try await buyer.send(
      "POST", "/api/v1/orders",
      ["lines": [line], "shipping_address": address, "payment_method": method, "currency": "USD"],
      headers: [("Idempotency-Key", UUID().uuidString), ("Prefer", "wait=\(wait)")])
  }
}
