import Foundation
import Patience
import Synchronization
import Testing

/// A person goes: through the outbox and the broker to every service that knows them.
@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
  private static let settings = [
    "GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_ADMIN_EMAIL": "admin@example.com",
    "GRAVITY_USER_DELETION_GRACE": "0s", "GRAVITY_USER_ERASURE_RETRY": "1s",
    // Once: what was recorded is not done again.
    "GRAVITY_FAULT": "saga.step.recorded:user.erasure.erase",
  ]

  @Test(
    "an erasure waits for the order that is under way, outlives kill -9, and leaves a certificate",
    arguments: TestEngine.available)
  func erased(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(environment: Self.settings, on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    var administrator = try await visitor.administrator()
    try await Shop.article("MUG", stock: 3, administrator)
    let (buyer, email, _) = try await visitor.newcomer()
    let id = try #require(try await buyer.get("/api/v1/users/me").text("id"))
    let placed = try await buyer.send(
      "POST", "/api/v1/orders", Shop.order("MUG", 1, "pm_sim_approve"),
      headers: [("Idempotency-Key", "one"), ("Prefer", "wait=20")])
    #expect(placed.text("status") == "confirmed")
    let order = try #require(placed.text("id"))

    let dryRun = try await administrator.get("/api/v1/users/\(id)/erasure/dry-run")
    let forecast = String(decoding: dryRun.body, as: UTF8.self)
    #expect(dryRun.status == 200 && forecast.contains("\"orders_under_way\":1"))
    #expect(try await buyer.send("DELETE", "/api/v1/users/me").status == 202)

    // Three services have done it, and the order keeps its address until it is delivered.
    let collecting = try await Self.erasure(of: id, administrator) { text in
      text.components(separatedBy: "\"done\":true").count == 4 && text.contains("\"waiting\":{\"orders_under_way\":1}")
    }
    #expect(collecting.contains("\"state\":\"collecting\""), "\(collecting)")
    #expect(try await administrator.get("/api/v1/users/\(id)/erasure/certificate").status == 404)
    let mark = platform.mark()
    kill(try #require(platform.worker), SIGKILL)
    try await platform.waitForLine("is ready", after: mark)
    try await visitor.waitUntilReady()
    administrator = try await visitor.administrator()
    #expect(try await administrator.send("POST", "/api/v1/orders/\(order)/complete", [:]).status == 200)

    _ = try await Self.erasure(of: id, administrator) { $0.contains("\"state\":\"completed\"") }
    let certificate = try await administrator.get("/api/v1/users/\(id)/erasure/certificate")
    let text = String(decoding: certificate.body, as: UTF8.self)
    #expect(certificate.status == 200)
    for service in ["auth", "notification", "order", "payment", "user"] {
      #expect(text.contains("\"service\":\"\(service)\""), "\(service)")
    }
    #expect(text.contains("\"order_addresses\":1"))
    #expect(!text.contains(email) && !text.contains("High Street"))

    let left = String(decoding: try await administrator.get("/api/v1/orders/\(order)").body, as: UTF8.self)
    #expect(left.contains("\"country\":\"DE\"") && !left.contains("High Street") && !left.contains("Buyer"))
    // The address is free; the id is not given out again.
    let (again, _, _) = try await visitor.newcomer(email)
    let newID = try await Visitor.decided { try await again.get("/api/v1/users/me") }.text("id")
    #expect(newID != nil && newID != id)
    #expect(try await administrator.get("/api/v1/users/\(id)").text("status") == "erased")
    #expect(await platform.stop() == 0)
  }

  /// How far it is, once `isThere` says so.
  private static func erasure(
    of id: String, _ administrator: Visitor, until isThere: (String) -> Bool
  ) async throws -> String {
    let last = Mutex("")
    return try await eventually("it is so far, not at \(last.withLock { $0 })", within: .seconds(120)) {
      guard let reply = try? await administrator.get("/api/v1/users/\(id)/erasure") else { return nil }
      let text = String(decoding: reply.body, as: UTF8.self)
      last.withLock { $0 = text }
      return isThere(text) ? text : nil
    }
  }
}
