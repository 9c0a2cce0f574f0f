import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Patience
import TestServers
import Testing

/// A person's copy of everything, from every service; and how they come into a team.
@Suite(.timeLimit(.minutes(5))) struct ExportTests {
  private static let settings = [
    "GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_ADMIN_EMAIL": "admin@example.com",
    // Once: a part that is done is not asked for again.
    "GRAVITY_FAULT": "export.part:order",
  ]

  @Test(
    "an export has every service's part, outlives kill -9, and comes by a link that works once",
    arguments: TestEngine.available)
  func exported(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(environment: Self.settings, on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    var administrator = try await visitor.administrator()
    try await Shop.article("MUG", stock: 3, administrator)
    let (buyer, email, _) = try await visitor.newcomer()
    let placed = try await buyer.send(
      "POST", "/api/v1/orders", Shop.order("MUG", 1, "pm_sim_approve"),
      headers: [("Idempotency-Key", "one"), ("Prefer", "wait=20")])
    #expect(placed.text("status") == "confirmed")
    let order = try #require(placed.text("id"))

    let mark = platform.mark()
    let asked = try await Visitor.decided { try await buyer.send("POST", "/api/v1/users/me/exports", [:]) }
    #expect(asked.status == 202, "\(String(decoding: asked.body, as: UTF8.self))")
    let export = try #require(asked.text("id"))
    // It dies when the order service's part is done, and the next process goes on with the rest.
    try await platform.waitForLine("is ready", after: mark)
    try await visitor.waitUntilReady()
    try await eventually("the export is ready", within: .seconds(120)) {
      (try? await buyer.get("/api/v1/users/me/exports/\(export)").text("state")) == "ready"
    }

    administrator = try await visitor.administrator()
    let mail = try await Self.mail(to: email, with: "/api/v1/exports/link?token=", administrator)
    let token = try #require(Self.token(in: mail))
    let page = try await visitor.get("/api/v1/exports/link?token=\(token)")
    #expect(page.status == 200 && page.headers.first(name: "content-type")?.hasPrefix("text/html") == true)
    let own = try await buyer.get("/api/v1/users/me/exports/\(export)/archive")
    #expect(own.status == 200, "a login of this minute is recent enough")
    let linked = try await Self.form("token=\(token)", to: platform.gateway + "/api/v1/exports/link")
    #expect(linked.status == 200 && linked.body == own.body)
    #expect(try await Self.form("token=\(token)", to: platform.gateway + "/api/v1/exports/link").status == 404)

    let files = try await Unzipped.files(linked.body)
    #expect(
      files.keys.sorted()
        == ["auth.json", "index.html", "notification.json", "order.json", "payment.json", "user.json"])
    #expect(files["order.json"]?.contains(order) == true && files["order.json"]?.contains("1 High Street") == true)
    #expect(files["auth.json"]?.contains(email) == true && files["user.json"]?.contains(email) == true)
    #expect(files["payment.json"]?.contains(order) == true)
    #expect(files["index.html"]?.contains("1 × order") == true)
    #expect(await platform.stop() == 0)
  }

  @Test("whoever is invited joins with the mailed token, once their address is proved", arguments: TestEngine.available)
  func invited(engine: TestEngine) async throws {
    var settings = Self.settings
    settings["GRAVITY_FAULT"] = nil
    let platform = try await PlatformProcess.up(environment: settings, on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let administrator = try await visitor.administrator()
    let (owner, _, _) = try await visitor.newcomer()
    let (guest, email, _) = try await visitor.newcomer()
    let made = try await Visitor.decided { try await owner.send("POST", "/api/v1/teams", ["name": "Kitchen"]) }
    #expect(made.status == 201)
    let team = try #require(made.text("id"))
    #expect(try await owner.send("POST", "/api/v1/teams/\(team)/invites", ["email": email]).status == 201)
    let invitation = try #require(Self.token(in: try await Self.mail(to: email, with: "Kitchen", administrator)))
    let accept: [String: any Sendable] = ["token": invitation]
    let early = try await guest.send("POST", "/api/v1/team-invites/accept", accept)
    #expect(early.status == 403 && early.code == "email_unverified")
    #expect(try await visitor.send("POST", "/api/v1/auth/verify/resend", ["email": email]).status == 202)
    let proof = try #require(
      Self.token(in: try await Self.mail(to: email, with: "that confirms that", administrator)))
    // Signed in: what proves that the account was theirs before, too, and that nothing in it has to end.
    #expect(try await guest.send("POST", "/api/v1/auth/verify", ["token": proof]).status == 204)
    let joined = try await guest.send("POST", "/api/v1/team-invites/accept", accept)
    #expect(joined.status == 200 && joined.text("role") == "member")
    #expect(try await guest.send("POST", "/api/v1/team-invites/accept", accept).code == "invite_used")
    #expect(try await owner.send("POST", "/api/v1/teams/\(team)/leave", [:]).code == "last_owner")
    #expect(await platform.stop() == 0)
  }

  // MARK: -

  /// The text of the newest mail to that address that has `words` in it.
  private static func mail(to email: String, with words: String, _ administrator: Visitor) async throws -> String {
    try await eventually("there is a mail to \(email) with \(words)") {
      let reply = try await administrator.get("/api/v1/notifications/outbox?recipient=\(email)")
      let object = try? JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
      let bodies = (object?["items"] as? [[String: Any]] ?? []).compactMap { $0["body"] as? String }
      return bodies.first { $0.contains(words) }
    }
  }

  /// The first 43 characters in a row that are base64url: 32 bytes.
  private static func token(in text: String) -> String? {
    text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")) }
      .first { $0.utf8.count == 43 }.map(String.init)
  }

  private static func form(_ fields: String, to address: String) async throws -> (status: Int, body: Data) {
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
    request.body = .bytes(ByteBuffer(string: fields))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    return (Int(response.status.code), Data(buffer: try await response.body.collect(upTo: 8 << 20)))
  }
}
