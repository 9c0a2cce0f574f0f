import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import HTTPTypes
import Logging
import Patience
import ServiceLifecycle
import Synchronization
import Testbed
import TestServers
import Testing
import UserAPI
@testable import UserServer

@Suite(.timeLimit(.minutes(5))) struct ExportTests {
  private static func run(
    on engine: Engine, _ configure: @escaping (inout UserConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (UserFixture) async throws -> Void
  ) async throws {
    try await UserFixture.run(
      on: engine,
      {
        $0.erasureServices = ["auth", "order"]
        configure(&$0)
      }, body)
  }

  private static func request(_ person: UserFixture.Person, _ users: UserFixture, _ markers: String = "") async throws
    -> Reply<UserExport>
  { try await users.send(UserAPI.requestExport, token: person.token + markers) }

  private static func state(
    _ export: UserExport, of person: UserFixture.Person, _ users: UserFixture
  ) async throws -> UserExport {
    try await users.send(
      UserAPI.export, "/api/v1/users/me/exports/\(export.id.lowercased)", token: person.token
    ).value
  }

  private static func collect(_ export: UserExport, _ users: UserFixture) async throws {
    try await users.service.collector.collect(export.id) { _ in }
  }

  /// One that is there to be downloaded.
  private static func ready(_ person: UserFixture.Person, _ users: UserFixture) async throws -> UserExport {
    let export = try await request(person, users).value
    try await collect(export, users)
    return export
  }

  private static func link(_ users: UserFixture) async throws -> String {
    try await users.deliver()
    let mail = try #require(users.notifier.sent.last { $0.template == "export.ready" })
    guard case .string(let link)? = mail.data.members["export"]?["link"] else { return "" }
    return link
  }

  private static func archive(
    _ export: UserExport, of person: UserFixture.Person, _ users: UserFixture, _ markers: String? = nil
  ) async throws -> Download {
    let path = "/api/v1/users/me/exports/\(export.id.lowercased)/archive"
    let markers = markers ?? "~at=\(Int(users.clock.now.timeIntervalSince1970))"
    return try await users.download(UserAPI.downloadExport, path, token: person.token + markers)
  }

  @Test("an archive has a file for each service, all of it, and a page that lists them", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org", name: "Alice <&>")
      _ = try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token)
      _ = try await users.makeTeam(alice, "Küche")
      let orders = try (0..<501).map { try PersonalDataItem(kind: "order", ["number": "\($0)"]) }
      users.services.keep(orders, at: "order")
      users.services.keep([PersonalDataItem(kind: "session", data: .object(["address": .string("::1")]))], at: "auth")

      let asked = try await Self.request(alice, users)
      let export = try asked.value
      #expect(asked.status == 202 && export.state == .known(.queued) && export.hasLink)
      #expect(export.parts == ["user", "auth", "order"].map { UserExportPart(service: $0, kinds: nil) })
      try await Self.collect(export, users)
      let ready = try await Self.state(export, of: alice, users)
      #expect(ready.state == .known(.ready) && ready.expiresAt == users.clock.now + 7 * 86_400)
      #expect(ready.parts.last?.kinds == ["order": 501])

      let download = try await Self.archive(export, of: alice, users)
      #expect(download.status == 200 && Int64(download.bytes.count) == ready.size)
      #expect(download.headers[.contentType] == "application/zip")
      #expect(download.headers[.contentDisposition]?.hasPrefix("attachment; filename=\"export-20") == true)
      let files = try await Unzipped.files(download.bytes)
      #expect(files.keys.sorted() == ["auth.json", "index.html", "order.json", "user.json"])
      let kept = try Unzipped.items(files["order.json"])
      #expect(kept.map { $0["kind"] as? String } == Array(repeating: "order", count: 501))
      #expect(kept.compactMap { ($0["data"] as? [String: Any])?["number"] as? String } == (0..<501).map { "\($0)" })
      let own = try Unzipped.items(files["user.json"])
      #expect(own.compactMap { $0["kind"] as? String } == ["profile", "preferences", "address", "team_membership"])
      #expect((own.last?["data"] as? [String: Any])?["team"] as? String == "Küche")
      let page = try #require(files["index.html"])
      #expect(page.contains("501 × order") && page.contains("Alice &lt;&amp;&gt;") && !page.contains("<&>"))

      // Nothing of it is kept in the clear, and another record's seal opens none.
      let chunks = try await users.database.rows("SELECT number, bytes FROM export_chunks ORDER BY number")
      #expect(!chunks.isEmpty)
      for chunk in chunks {
        let bytes = Data(try chunk.get("bytes", as: [UInt8].self))
        #expect(bytes.range(of: Data("order.json".utf8)) == nil && bytes.range(of: Data([0x50, 0x4B, 3, 4])) == nil)
      }
    }
  }

  @Test(
    "a service that is away holds the export up, and what others said is not asked again", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      users.services.keep((0..<5).map { PersonalDataItem(kind: "session", data: .integer(Int64($0))) }, at: "auth")
      users.services.setAway("order", true)
      let export = try await Self.request(alice, users).value
      for _ in 0..<2 {
        await #expect(throws: FakeServices.Away.self) { try await Self.collect(export, users) }
        let halted = try await Self.state(export, of: alice, users)
        #expect(halted.state == .known(.collecting))
        #expect(halted.parts.map(\.kinds) == [halted.parts[0].kinds, ["session": 5], nil])
      }
      #expect(try await Self.archive(export, of: alice, users).status == 409)
      #expect(users.services.asked == ["auth", "auth", "auth"])
      users.services.setAway("order", false)
      users.services.keep([PersonalDataItem(kind: "order", data: .bool(true))], at: "order")
      try await Self.collect(export, users)
      #expect(users.services.asked == ["auth", "auth", "auth", "order"])
      let files = try await Unzipped.files(try await Self.archive(export, of: alice, users).bytes)
      #expect(try Unzipped.items(files["order.json"]).count == 1 && Unzipped.items(files["auth.json"]).count == 5)
      // Collected again it stays as it is.
      try await Self.collect(export, users)
      #expect(try await Self.state(export, of: alice, users).state == .known(.ready))
      #expect(try await users.database.rows("SELECT 1 FROM gravity_tasks WHERE type = 'users.send_mail'").count == 1)
    }
  }

  @Test(
    "whatever transaction an attempt dies before, the next one goes on and the archive is whole",
    arguments: Engine.available)
  func killed(_ engine: Engine) async throws {
    struct Killed: Error {}
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      // Incompressible, so that there are several chunks.
      var random = SystemRandomNumberGenerator()
      let items = (0..<20).map { _ in
        let noise = Data((0..<30_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        return PersonalDataItem(kind: "order", data: .string(noise.base64EncodedString()))
      }
      users.services.keep(items, at: "order")
      let export = try await Self.request(alice, users).value
      var deaths = 0
      // Each attempt dies one transaction later than the one before.
      while deaths < 40, try await Self.state(export, of: alice, users).state != .known(.ready) {
        let left = Atomic(deaths)
        do {
          try await users.service.collector.collect(export.id) { _ in
            if left.wrappingSubtract(1, ordering: .relaxed).oldValue <= 0 { throw Killed() }
          }
        } catch is Killed { deaths += 1 }
      }
      #expect(deaths > 3 && deaths < 40)
      let download = try await Self.archive(export, of: alice, users)
      #expect(download.bytes.count > 2 * ExportCollector.chunkSize)
      let kept = try Unzipped.items(try await Unzipped.files(download.bytes)["order.json"])
      #expect(kept.compactMap { ($0["data"] as? String).map(JSONValue.string) } == items.map(\.data))
    }
  }

  @Test("one export at a time, three a day, also when they are asked for at once", arguments: Engine.available)
  func limits(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      let replies = try await withThrowingTaskGroup(of: Reply<UserExport>.self) { group in
        for _ in 0..<3 { group.addTask { try await Self.request(alice, users) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.map(\.status).sorted() == [202, 409, 409])
      let first = try #require(replies.first { $0.status == 202 }).value
      let refused = try #require(replies.first { $0.status == 409 })
      #expect(refused.code == "export_under_way")
      #expect(refused.problem?.extensions["export_id"] == .string(first.id.lowercased))
      try await Self.collect(first, users)
      let second = try await Self.ready(alice, users)
      // One archive is enough: the earlier one is gone.
      #expect(try await Self.state(first, of: alice, users).state == .known(.expired))
      #expect(try await users.count("export_chunks", of: first.id, "export_id") == 0)
      let third = try await Self.ready(alice, users)
      let fourth = try await Self.request(alice, users)
      #expect(fourth.status == 429 && fourth.code == "exports_limited")
      users.clock.advance(86_400)
      #expect(try await Self.request(alice, users).status == 202)
      let list = try await users.send(UserAPI.exports, "/api/v1/users/me/exports?limit=2", token: alice.token).value
      #expect(list.items.count == 2 && list.items.last?.id == third.id && list.nextCursor != nil)
      #expect(list.items.last?.id != second.id)
    }
  }

  @Test("the mail's link works once, a look at its page uses nothing up", arguments: Engine.available)
  func link(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      let export = try await Self.ready(alice, users)
      let link = try await Self.link(users)
      #expect(link.hasPrefix("https://gravity.example/api/v1/exports/link?token="))
      let token = String(try #require(link.split(separator: "=").last))
      let mail = try #require(users.notifier.sent.last)
      #expect(mail.account == alice.id && mail.address == nil)
      for table in ["exports", "gravity_tasks", "outbox"] as [SQL] {
        for row in try await users.database.rows("SELECT * FROM \(table)") {
          #expect(!row.cells.map { "\($0)" }.joined().contains(token), "\(table)")
        }
      }
      let path = "/api/v1/exports/link?token=\(token)"
      for _ in 0..<2 {
        let page = try await users.send(UserAPI.exportLink, path)
        #expect(page.status == 200 && page.text.contains("value=\"\(token)\"") && page.text.contains("<form"))
      }
      func take(_ token: String) async throws -> Download {
        try await users.download(UserAPI.downloadExportByLink, form: "token=\(token)")
      }
      let download = try await take(token)
      #expect(download.status == 200)
      #expect(try await Unzipped.files(download.bytes).count == 4)
      #expect(try await take(token).status == 404)
      #expect(try await users.send(UserAPI.exportLink, path).status == 404)
      for wrong in ["", "x", String(repeating: "A", count: 43), "\(token)%22%3E"] {
        #expect(try await take(wrong).status == 404)
        let page = try await users.send(UserAPI.exportLink, "/api/v1/exports/link?token=\(wrong)")
        #expect(page.status == 404 && !page.text.contains("<form"))
      }
      // Its owner gets it all the same.
      #expect(try await Self.archive(export, of: alice, users).status == 200)
    }
  }

  @Test("two who use a link at once: one gets the archive", arguments: Engine.available)
  func linkRace(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      _ = try await Self.ready(alice, users)
      let token = String(try #require(try await Self.link(users).split(separator: "=").last))
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask {
            try await users.download(UserAPI.downloadExportByLink, form: "token=\(token)").status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200, 404, 404, 404])
    }
  }

  @Test("without the link it takes its owner, who has just signed in", arguments: Engine.available)
  func stepUp(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let (alice, eve) = (try await users.known("alice@example.org"), try await users.known("eve@example.org"))
      let now = Int(users.clock.now.timeIntervalSince1970)
      #expect(try await Self.request(alice, users, "~client").code == "login_required")
      let export = try await Self.request(alice, users, "~aal2").value
      #expect(!export.hasLink)
      try await Self.collect(export, users)
      #expect(try await Self.link(users).isEmpty, "who shows two factors gets no link")
      for markers in ["", "~at=\(now - 601)"] {
        let old = try await Self.archive(export, of: alice, users, markers)
        #expect(old.status == 401 && old.text.contains("insufficient_user_authentication"))
        #expect(old.headers[.wwwAuthenticate]?.contains("max_age=\"600\"") == true)
        #expect(old.text.contains("\"max_age\":600") && old.text.contains("\"methods\":[\"totp\",\"recovery_code\"]"))
      }
      users.directory.setAway(true)
      let unknown = try await Self.archive(export, of: alice, users, "")
      #expect(unknown.status == 401 && !unknown.text.contains("methods"), "refused in any case: \(unknown.text)")
      users.directory.setAway(false)
      #expect(try await Self.archive(export, of: alice, users, "~at=\(now)~client").status == 403)
      #expect(try await Self.archive(export, of: eve, users).status == 404)
      let foreign = "/api/v1/users/me/exports/\(export.id.lowercased)"
      #expect(try await users.send(UserAPI.export, foreign, token: eve.token).status == 404)
      #expect(try await Self.archive(export, of: alice, users, "~at=\(now - 599)").status == 200)
    }
  }

  @Test("an archive goes when its time is over, and an export that is kept waiting fails", arguments: Engine.available)
  func expires(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      let export = try await Self.ready(alice, users)
      let token = String(try #require(try await Self.link(users).split(separator: "=").last))
      let expiry = ExportExpiry(core: users.service.core)
      users.clock.advance(7 * 86_400 - 1)
      try await expiry.sweep()
      #expect(try await Self.archive(export, of: alice, users).status == 200)
      users.clock.advance(1)
      // Also before the sweep comes.
      #expect(try await Self.archive(export, of: alice, users).status == 409)
      #expect(try await users.download(UserAPI.downloadExportByLink, form: "token=\(token)").status == 404)
      try await expiry.sweep()
      #expect(try await Self.state(export, of: alice, users).state == .known(.expired))
      #expect(try await users.count("export_chunks", of: export.id, "export_id") == 0)

      users.services.setAway("auth", true)
      let late = try await Self.request(alice, users).value
      await #expect(throws: FakeServices.Away.self) { try await Self.collect(late, users) }
      users.clock.advance(86_400)
      try await expiry.sweep()
      let failed = try await Self.state(late, of: alice, users)
      #expect(failed.state == .known(.failed) && failed.failure == "not_in_time")
      #expect(try await users.count("export_chunks", of: late.id, "export_id") == 0)
      // The next attempt finds nothing to do.
      users.services.setAway("auth", false)
      try await Self.collect(late, users)
      #expect(try await Self.state(late, of: alice, users).state == .known(.failed))
      users.clock.advance(30 * 86_400)
      try await expiry.sweep()
      #expect(try await users.count("exports", of: alice.id) == 0)
    }
  }

  @Test("more than an archive may have is an error that says so", arguments: Engine.available)
  func tooLarge(_ engine: Engine) async throws {
    try await Self.run(on: engine, { $0.exportGreatestFile = 2_000 }) { users in
      let alice = try await users.known("alice@example.org")
      let text = JSONValue.string(String(repeating: "x", count: 900))
      users.services.keep((0..<4).map { _ in PersonalDataItem(kind: "order", data: text) }, at: "order")
      let export = try await Self.request(alice, users).value
      try await Self.collect(export, users)
      let failed = try await Self.state(export, of: alice, users)
      #expect(failed.state == .known(.failed) && failed.failure == "too_large")
      #expect(try await users.count("export_chunks", of: export.id, "export_id") == 0)
    }
  }

  @Test("an erasure takes archives with it, also one that is being made", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await Self.run(on: engine, { $0.deletionGrace = 600 }) { users in
      let alice = try await users.known("alice@example.org")
      let other = try await Self.ready(try await users.known("bob@example.org"), users)
      _ = try await Self.ready(alice, users)
      let token = String(try #require(try await Self.link(users).split(separator: "=").last))
      users.services.setAway("order", true)
      let second = try await Self.request(alice, users).value
      await #expect(throws: FakeServices.Away.self) { try await Self.collect(second, users) }
      // From the moment at which the services are asked nothing leaves any more.
      _ = try await users.askErasure(of: alice)
      users.clock.advance(600)
      _ = try await users.database.write { try users.service.lifecycle.requestDueErasures(limit: 10, in: $0) }
      #expect(try await users.download(UserAPI.downloadExportByLink, form: "token=\(token)").status == 404)
      #expect(try await Self.request(alice, users).status == 404)
      try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) }
      #expect(try await users.count("exports", of: alice.id) == 0)
      let left = try await users.database.rows("SELECT DISTINCT export_id FROM export_chunks")
      #expect(try left.map { try $0.get(0, as: UUID.self) } == [other.id])
      users.services.setAway("order", false)
      try await Self.collect(second, users)
      #expect(try await users.count("export_chunks", of: second.id, "export_id") == 0)
    }
  }

  @Test("the service does all of it by itself, and mail that is away is sent later", arguments: Engine.available)
  func byItself(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      users.services.keep([PersonalDataItem(kind: "order", data: .bool(true))], at: "order")
      let group = ServiceGroup(
        services: [users.service.tasks], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let export = try await Self.request(alice, users).value
        try await eventually("the mail is sent") { !users.notifier.sent.isEmpty }
        let ready = try await Self.state(export, of: alice, users)
        #expect(ready.state == .known(.ready) && users.notifier.sent.map(\.template) == ["export.ready"])
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  @Test("services are told what this one knows of a person, page by page; nobody else is", arguments: Engine.available)
  func ownPart(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      for _ in 0..<3 { _ = try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token) }
      let team = try await users.makeTeam(try await users.known("owner@example.org"), "Kitchen")
      _ = try await users.send(
        UserAPI.publishConsentDocument, nil, ["purpose": "terms", "title": "T", "text": "x"],
        token: users.administrator)
      _ = try await users.send(
        UserAPI.changeConsent, nil, ["purpose": "terms", "decision": "given", "version": 1, "source": "web"],
        token: alice.token)
      try await users.database.write { transaction in
        try TeamInviteStore(transaction).insert(
          TeamInviteRow(
            id: OrderedIDs.next(), team: team.id, email: "alice@example.org", role: .member, by: .v7(),
            tokenHash: [1, 2], days: 7, at: try transaction.now.roundedToMicroseconds))
      }
      let endpoint = PersonalDataAPI.items(of: "user")
      let path = "/api/v1/personal-data/user/\(alice.id.lowercased)"
      #expect(try await users.send(endpoint, path, token: alice.token).status == 403)
      #expect(try await users.send(endpoint, path, token: users.administrator).status == 403)
      var (kinds, cursor) = ([String](), Cursor?.none)
      repeat {
        let query = "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")
        let page = try await users.send(endpoint, path + query, token: FakeVerifier.serviceToken).value
        kinds += page.items.map(\.kind)
        cursor = page.nextCursor
      } while cursor != nil
      #expect(
        kinds == ["profile", "preferences", "address", "address", "address", "consent", "team_invite"])
      let inventory = try await users.send(
        PersonalDataAPI.inventory(of: "user"), path + "/inventory", token: FakeVerifier.serviceToken
      ).value
      #expect(inventory.erases == ["profiles": 1, "addresses": 3, "team_invites": 1])
      #expect(inventory.keeps == ["user_ids": 1, "consent_records": 1])
      try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) }
      #expect(try await users.send(endpoint, path, token: FakeVerifier.serviceToken).value.items.isEmpty)
    }
  }
}
