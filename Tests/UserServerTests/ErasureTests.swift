import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import GravityTelemetry
import Logging
import Patience
import ServiceLifecycle
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
  private static let services = ["auth", "order"]

  private static func run(
    on engine: Engine, retry: TimeInterval = 3600, _ body: @escaping @Sendable (UserFixture) async throws -> Void
  ) async throws {
    try await UserFixture.run(
      on: engine,
      {
        $0.erasureServices = services
        $0.erasureRetry = retry
        $0.deletionGrace = 600
      }, body)
  }

  /// Runs what the service does by itself while `body` runs.
  private static func working(_ users: UserFixture, _ body: @escaping @Sendable () async throws -> Void) async throws {
    let group = ServiceGroup(
      services: [users.service.tasks], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      do { try await body() } catch {
        await group.triggerGracefulShutdown()
        throw error
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  private static func receipt(
    _ user: UUID, _ service: String, _ users: UserFixture, erased: Int64 = 1, waiting: Int64 = 0
  ) -> ErasureReceipt {
    ErasureReceipt(
      userID: user, service: service, erased: ["things": erased], kept: ["orders": 2],
      waiting: waiting > 0 ? ["orders_under_way": waiting] : [:], at: users.clock.now)
  }

  private static func hear(_ receipt: ErasureReceipt, from source: String? = nil, _ users: UserFixture) async throws {
    try await users.database.write {
      try users.service.erasures.acknowledged(receipt, from: source ?? "/\(receipt.service)", in: $0)
    }
  }

  private static func status(_ id: UUID, _ users: UserFixture) async throws -> ErasureStatus {
    try await users.send(UserAPI.erasure, "/api/v1/users/\(id.lowercased)/erasure", token: users.administrator).value
  }

  /// Somebody whose grace is over and whose services were asked.
  private static func begun(_ users: UserFixture) async throws -> UserFixture.Person {
    let person = users.person("alice@example.org")
    _ = try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: person.token)
    _ = try await users.askErasure(of: person)
    users.clock.advance(600)
    let asked = try await users.database.write {
      try users.service.lifecycle.requestDueErasures(limit: 10, in: $0)
    }
    #expect(asked == [person.id])
    return person
  }

  @Test(
    "an erasure ends when every service has answered, with a certificate that its key has signed",
    arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await Self.begun(users)
      try await Self.working(users) {
        try await Self.hear(Self.receipt(alice.id, "auth", users), users)
        let half = try await Self.status(alice.id, users)
        #expect(half.state == .known(.collecting) && !half.isOverdue && half.completedAt == nil)
        #expect(half.services.map(\.service) == ["auth", "order"] && half.services.map(\.isDone) == [true, false])
        let none = "/api/v1/users/\(alice.id.lowercased)/erasure/certificate"
        #expect(try await users.send(UserAPI.erasureCertificate, none, token: users.administrator).status == 404)
        // Twice, as the broker may bring it.
        for _ in 0..<2 { try await Self.hear(Self.receipt(alice.id, "order", users, erased: 4), users) }
        try await eventually("the erasure is complete") {
          try await Self.status(alice.id, users).state == .known(.completed)
        }
      }
      #expect(try await users.me(alice).status == 404)
      #expect(try await users.changes(of: alice.id).filter { $0 == "erased" }.count == 1)
      let path = "/api/v1/users/\(alice.id.lowercased)/erasure/certificate"
      let signed = try await users.send(UserAPI.erasureCertificate, path, token: users.administrator).value
      #expect(signed.certificate.userID == alice.id && signed.certificate.services.count == 3)
      #expect(signed.certificate.services.first { $0.service == "order" }?.erased == ["things": 4])
      #expect(signed.certificate.services.first { $0.service == "user" }?.erased["addresses"] == 1)
      let (header, claims) = try Self.verified(signed)
      #expect(header["typ"] as? String == "erasure-certificate+jwt" && header["alg"] as? String == "ES256")
      #expect(claims["sub"] as? String == alice.id.lowercased && (claims["services"] as? [Any])?.count == 3)
      // Begun again, or answered again, nothing more happens.
      users.clock.advance(86_400)
      #expect(
        try await users.database.write { try users.service.lifecycle.requestDueErasures(limit: 10, in: $0) }.isEmpty)
      try await Self.hear(Self.receipt(alice.id, "order", users, erased: 9), users)
      #expect(try await users.send(UserAPI.erasureCertificate, path, token: users.administrator).value == signed)
    }
  }

  @Test("whoever is in as many teams as one can be is erased all the same", arguments: Engine.available)
  func manyTeams(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let (alice, heir) = (try await Self.begun(users), UUID.v7())
      let teams = (0..<Int(Teams.greatestMemberships)).map { _ in UUID.v7() }
      try await users.database.write { transaction in
        let (store, members, now) = (TeamStore(transaction), TeamMemberStore(transaction), users.clock.now)
        for (number, team) in teams.enumerated() {
          try store.insert(TeamRow(id: team, name: "Team \(number)", at: now))
          try members.insert(TeamMemberRow(team: team, user: alice.id, role: .owner, at: now))
          // Every other one is left to somebody.
          if number % 2 == 0 { try members.insert(TeamMemberRow(team: team, user: heir, role: .member, at: now)) }
        }
      }
      try await Self.working(users) {
        for service in Self.services { try await Self.hear(Self.receipt(alice.id, service, users), users) }
        try await eventually("the erasure is complete") {
          try await Self.status(alice.id, users).state == .known(.completed)
        }
      }
      #expect(try await users.count("team_members", of: alice.id) == 0)
      let (owned, left) = try await users.database.read { transaction in
        (
          try TeamMemberStore(transaction).count(ofMember: heir, .owner),
          try transaction.scalar("SELECT count(*) FROM teams", as: Int64.self)
        )
      }
      #expect(owned == 50 && left == 50)
    }
  }

  /// Checks the signature with the key beside it.
  private static func verified(_ signed: SignedErasureCertificate) throws -> ([String: Any], [String: Any]) {
    let parts = signed.jws.split(separator: ".").map { Data(base64URLEncoded: $0) }
    try #require(parts.count == 3)
    let (header, claims, signature) = (try #require(parts[0]), try #require(parts[1]), try #require(parts[2]))
    let key = try JSONSerialization.jsonObject(with: WireFormat.makeEncoder().encode(signed.key)) as? [String: Any]
    let (x, y) = (
      try #require((key?["x"] as? String).flatMap { Data(base64URLEncoded: $0) }),
      try #require((key?["y"] as? String).flatMap { Data(base64URLEncoded: $0) })
    )
    let text = signed.jws.split(separator: ".")[0...1].joined(separator: ".")
    #expect(ES256.isValid(signature, of: Data(text.utf8), x: x, y: y))
    #expect(!ES256.isValid(signature, of: Data((text + "x").utf8), x: x, y: y))
    func object(_ data: Data) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
    return (try object(header), try object(claims))
  }

  @Test("a service that has not done all of it is asked again, and the erasure is overdue", arguments: Engine.available)
  func retried(_ engine: Engine) async throws {
    try await Self.run(on: engine, retry: 0.05) { users in
      let alice = try await Self.begun(users)
      try await Self.working(users) {
        try await Self.hear(Self.receipt(alice.id, "auth", users), users)
        try await Self.hear(Self.receipt(alice.id, "order", users, waiting: 2), users)
        try await eventually("the services are asked again") {
          try await users.changes(of: alice.id).filter { $0 == "erasure_requested" }.count >= 3
        }
        let status = try await Self.status(alice.id, users)
        #expect(status.state == .known(.collecting) && !status.isOverdue)
        #expect(status.services.first { $0.service == "order" }?.waiting == ["orders_under_way": 2])
        users.clock.advance(86_400)
        #expect(try await Self.status(alice.id, users).isOverdue)
        let overdue = try await users.send(
          UserAPI.erasures, "/api/v1/erasures?overdue=true", token: users.administrator)
        #expect(try overdue.value.items.map(\.userID) == [alice.id])
        try await eventually("it is in the log") {
          users.log.lines.contains { $0.contains("an erasure is overdue") && $0.contains("\"order\"") }
        }
        #expect(try await users.database.read { try UserStore($0).find(alice.id)?.erasedAt } == nil)
        try await Self.hear(Self.receipt(alice.id, "order", users), users)
        try await eventually("the erasure is complete") {
          try await Self.status(alice.id, users).state == .known(.completed)
        }
      }
    }
  }

  @Test("only the service itself can answer, and only where it was asked", arguments: Engine.available)
  func forged(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = try await Self.begun(users)
      for (service, source) in [("auth", "/order"), ("order", "/auth"), ("chat", "/chat")] {
        try await Self.hear(Self.receipt(alice.id, service, users), from: source, users)
      }
      try await Self.hear(Self.receipt(UUID.v7(), "auth", users), users)
      #expect(try await Self.status(alice.id, users).services.allSatisfy { !$0.isDone })
      // What came late does not undo what is done.
      try await Self.hear(Self.receipt(alice.id, "auth", users, erased: 7), users)
      try await Self.hear(Self.receipt(alice.id, "auth", users, waiting: 1), users)
      let status = try await Self.status(alice.id, users)
      #expect(status.services.map(\.isDone) == [true, false])
      #expect(status.services.map(\.erased) == [["things": 7], [:]])
    }
  }

  @Test("a legal hold keeps an erasure from beginning, and says so", arguments: Engine.available)
  func held(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let (alice, administrator) = (users.person("alice@example.org"), users.administrator)
      _ = try await users.askErasure(of: alice)
      let path = "/api/v1/users/\(alice.id.lowercased)/legal-hold"
      for (fields, code) in [([:], 422), (["reason": " "], 422), (["reason": String(repeating: "x", count: 501)], 422)]
        as [([String: Any], Int)]
      {
        #expect(try await users.send(UserAPI.setLegalHold, path, fields, token: administrator).status == code)
      }
      #expect(try await users.send(UserAPI.setLegalHold, path, ["reason": "x"], token: alice.token).status == 403)
      let nobody = "/api/v1/users/\(UUID.v7().lowercased)/legal-hold"
      #expect(try await users.send(UserAPI.setLegalHold, nobody, ["reason": "x"], token: administrator).status == 404)
      #expect(
        try await users.send(UserAPI.releaseLegalHold, path + "/release", ["reason": "x"], token: administrator).code
          == "no_hold")
      let hold = try await users.send(UserAPI.setLegalHold, path, ["reason": "4 O 12/26"], token: administrator).value
      #expect(
        try await users.send(UserAPI.setLegalHold, path, ["reason": "4 O 12/26"], token: administrator).value == hold)
      _ = try await users.send(UserAPI.setLegalHold, path, ["reason": "4 O 13/26"], token: administrator).value
      users.clock.advance(600)
      func due() async throws -> [UUID] {
        try await users.database.write { try users.service.lifecycle.requestDueErasures(limit: 10, in: $0) }
      }
      #expect(try await due().isEmpty)
      let status = try await Self.status(alice.id, users)
      #expect(status.state == .known(.held) && status.hold?.reason == "4 O 13/26")
      let released = try await users.send(
        UserAPI.releaseLegalHold, path + "/release", ["reason": "closed"], token: administrator
      ).value
      #expect(released.releaseReason == "closed" && released.releasedAt != nil)
      #expect(try await due() == [alice.id])
      let late = try await users.send(UserAPI.setLegalHold, path, ["reason": "too late"], token: administrator)
      #expect(late.status == 409 && late.code == "erasure_under_way")
      let all = try await users.send(UserAPI.legalHolds, path + "s", token: administrator).value.items
      #expect(all.map(\.reason) == ["4 O 13/26", "4 O 12/26"] && all.allSatisfy { $0.releasedAt != nil })
    }
  }

  @Test("a dry run says what would go where, and changes nothing", arguments: Engine.available)
  func dryRun(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token)
      let (path, administrator) = ("/api/v1/users/\(alice.id.lowercased)/erasure/dry-run", users.administrator)
      let run = try await users.send(UserAPI.erasureDryRun, path, token: administrator).value
      #expect(run.services.map(\.service) == ["user", "auth", "order"])
      #expect(run.services[0].erased == ["profiles": 1, "addresses": 1])
      #expect(run.services[1].waiting == ["open": 2] && run.services.allSatisfy { !$0.isDone && $0.at == nil })
      #expect(try await users.send(UserAPI.erasureDryRun, path, token: alice.token).status == 403)
      users.services.setAway("order", true)
      let half = try await users.send(UserAPI.erasureDryRun, path, token: administrator)
      #expect(half.status == 503 && half.code == "service_unavailable")
      #expect(try await users.me(alice).status == 200)
      #expect(try await users.count("addresses", of: alice.id) == 1)
      #expect(try await Self.status(alice.id, users).state == .known(.none))
    }
  }

  @Test("an erasure that an older build asked for is carried on", arguments: Engine.available)
  func older(_ engine: Engine) async throws {
    try await Self.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await users.askErasure(of: alice)
      users.clock.advance(600)
      let time = users.clock.now
      try await users.database.write {
        try $0.execute("UPDATE users SET erasure_requested_at = \(time) WHERE id = \(alice.id)")
      }
      #expect(
        try await users.database.write { try users.service.lifecycle.requestDueErasures(limit: 10, in: $0) }
          == [alice.id])
      #expect(try await Self.status(alice.id, users).state == .known(.collecting))
    }
  }

  @Test("services that are no names, twice there, or this one itself are refused")
  func configuration() throws {
    for services in [["user"], ["auth", "auth"], ["a b"], [""], ["A"]] {
      var configuration = UserConfiguration()
      configuration.erasureServices = services
      #expect(throws: UserConfigurationError.self) { try configuration.validate() }
    }
  }
}
