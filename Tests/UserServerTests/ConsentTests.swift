import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct ConsentTests {
  private static func publish(
    _ purpose: String, _ text: String, _ users: UserFixture
  ) async throws -> Testbed.Reply<ConsentDocument> {
    try await users.send(
      UserAPI.publishConsentDocument, nil, ["purpose": purpose, "title": "About \(purpose)", "text": text],
      token: users.administrator)
  }

  private static func say(
    _ decision: String, _ purpose: String, _ version: Int?, _ person: UserFixture.Person, _ users: UserFixture
  ) async throws -> Testbed.Reply<ConsentRecord> {
    var fields: [String: Any] = ["purpose": purpose, "decision": decision, "source": "web"]
    if let version { fields["version"] = version }
    return try await users.send(UserAPI.changeConsent, nil, fields, token: person.token)
  }

  private static func states(_ person: UserFixture.Person, _ users: UserFixture) async throws -> [ConsentState] {
    try await users.send(UserAPI.consents, token: person.token).value.items
  }

  @Test("consent is given to one version, asked for anew with the next, and withdrawn", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let first = try await Self.publish("marketing", "Mails, now and then.", users).value
      #expect(first.version == 1 && first.digest.count == 64)
      #expect(try await Self.states(alice, users).isEmpty)
      let given = try await Self.say("given", "marketing", 1, alice, users)
      #expect(given.status == 201)
      users.clock.advance(60)
      #expect(try await Self.say("given", "marketing", 1, alice, users).value == given.value, "once is enough")
      #expect(try await Self.states(alice, users).map(\.isCurrent) == [true])

      #expect(try await Self.publish("marketing", "Mails and letters.", users).value.version == 2)
      let old = try #require(try await Self.states(alice, users).first)
      #expect(old.isGiven && !old.isCurrent && old.currentVersion == 2 && old.record.version == 1)
      let outdated = try await Self.say("given", "marketing", 1, alice, users)
      #expect(outdated.status == 409 && outdated.code == "document_outdated")
      users.clock.advance(60)
      // Withdrawing needs no version, and is about what was agreed to.
      let withdrawn = try await Self.say("withdrawn", "marketing", nil, alice, users).value
      #expect(withdrawn.version == 1 && withdrawn.at == users.clock.now && withdrawn.source == "web")
      #expect(try await Self.states(alice, users).map(\.isGiven) == [false])
      _ = try await Self.say("given", "marketing", 2, alice, users).value
      let history = try await users.send(
        UserAPI.consentHistory, "/api/v1/users/me/consents/history?limit=2", token: alice.token
      ).value
      #expect(history.items.map(\.decision) == [.known(.given), .known(.withdrawn)])
      let cursor = try #require(history.nextCursor)
      let rest = try await users.send(
        UserAPI.consentHistory, "/api/v1/users/me/consents/history?limit=2&cursor=\(cursor)", token: alice.token
      ).value
      #expect(try rest.items == [given.value] && rest.nextCursor == nil)

      // What was published is there for everybody, each version of it.
      _ = try await Self.publish("terms", "Be kind.", users).value
      let current = try await users.send(UserAPI.consentDocuments).value
      #expect(current.items.map { "\($0.purpose) \($0.version)" } == ["marketing 2", "terms 1"])
      let all = try await users.send(UserAPI.consentDocuments, "/api/v1/consent-documents?purpose=marketing").value
      #expect(all.items.map(\.version) == [2, 1] && all.items.last == first)
    }
  }

  @Test("the database itself refuses to change or delete what was said", arguments: Engine.available)
  func appendOnly(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await Self.publish("marketing", "Mails.", users).value
      let given = try await Self.say("given", "marketing", 1, alice, users).value
      for statement in [
        "UPDATE consent_records SET decision = 'withdrawn'", "DELETE FROM consent_records",
        "UPDATE consent_documents SET content = 'More mails.'", "DELETE FROM consent_documents",
      ] as [SQL] {
        await #expect(throws: (any Error).self) { try await users.database.write { try $0.execute(statement) } }
      }
      #expect(try await Self.states(alice, users).map(\.record) == [given])
    }
  }

  @Test(
    "an erasure leaves the records under a name that leads nowhere without the key", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await Self.publish("marketing", "Mails.", users).value
      let given = try await Self.say("given", "marketing", 1, alice, users).value
      try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) }
      #expect(try await Self.say("withdrawn", "marketing", nil, alice, users).status == 404)
      let path = "/api/v1/users/\(alice.id.lowercased)/consents/history"
      #expect(
        try await users.send(UserAPI.userConsentHistory, path, token: users.administrator).value.items == [given])
      #expect(try await users.send(UserAPI.userConsentHistory, path, token: alice.token).status == 403)
      for row in try await users.database.rows("SELECT * FROM consent_records") {
        let text = row.cells.map { "\($0)" }.joined(separator: " ").lowercased()
        #expect(!text.contains(alice.id.lowercased) && !text.contains("alice"))
      }
    }
  }

  @Test("what is malformed is refused, and says why", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      for (purpose, title, text) in [
        ("", "T", "x"), ("Marketing", "T", "x"), ("1st", "T", "x"), (String(repeating: "a", count: 51), "T", "x"),
        ("ok", "", "x"), ("ok", "T", " "), ("ok", "T", String(repeating: "x", count: 20_001)), ("ok", "T\u{0}", "x"),
      ] {
        let reply = try await users.send(
          UserAPI.publishConsentDocument, nil, ["purpose": purpose, "title": title, "text": text],
          token: users.administrator)
        // A NUL is refused before anything is decoded.
        #expect([400, 422].contains(reply.status), "\(purpose) \(title)")
      }
      let fields = ["purpose": "ok", "title": "T", "text": "x"]
      #expect(
        try await users.send(UserAPI.publishConsentDocument, nil, fields, token: alice.token).status == 403)
      #expect(try await Self.say("given", "marketing", 1, alice, users).status == 404)
      _ = try await Self.publish("marketing", "Mails.", users).value
      #expect(try await Self.say("given", "marketing", nil, alice, users).status == 422)
      #expect(try await Self.say("maybe", "marketing", 1, alice, users).status == 422)
      #expect(try await Self.say("given", "marketing", 2, alice, users).code == "document_outdated")
      #expect(try await Self.say("withdrawn", "marketing", nil, alice, users).status == 404)
      let badSource: [String: Any] = ["purpose": "marketing", "decision": "given", "version": 1, "source": "My App"]
      #expect(try await users.send(UserAPI.changeConsent, nil, badSource, token: alice.token).status == 422)
      #expect(try await Self.states(alice, users).isEmpty)
    }
  }

  @Test("two versions that are published at the same time get two numbers", arguments: Engine.available)
  func atOnce(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
        for number in 0..<6 {
          group.addTask { try await Self.publish("terms", "Text \(number)", users).value.version }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(versions.sorted() == [1, 2, 3, 4, 5, 6])
    }
  }
}
