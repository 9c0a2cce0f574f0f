import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import NotificationAPI
import Testbed
import Testing
@testable import NotificationServer

@Suite struct SecretTests {
  private static let token = "Zk3-secret-token-9Qw"

  private static func ask(
    _ notes: NotificationFixture, _ more: [String: Any] = [:], template: String = "auth.recovery"
  ) async throws -> Reply<NotificationRecord> {
    var fields: [String: Any] = [
      "template": template, "address": "ada@example.org", "data": ["auth": ["token": token, "minutes": 10]],
    ]
    fields.merge(more) { $1 }
    return try await notes.notify(fields)
  }

  /// Everything that is in the database, as text.
  private static func kept(_ notes: NotificationFixture) async throws -> String {
    var text = ""
    for row in try await notes.database.rows("SELECT data FROM notifications WHERE data IS NOT NULL") {
      text += try row.get(0, as: String.self)
    }
    for row in try await notes.database.rows("SELECT subject, body, html FROM messages") {
      text += try row.get(0, as: String.self) + row.get(1, as: String.self) + (row.get(2, as: String?.self) ?? "")
    }
    for row in try await notes.database.rows("SELECT body FROM outbox") {
      text += String(decoding: try row.get(0, as: [UInt8].self), as: UTF8.self)
    }
    return text
  }

  @Test(
    "a token is in the mail, and after that nowhere: not in the outbox, the data, events or the log",
    arguments: Engine.available)
  func nowhere(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let made = try await Self.ask(notes)
      #expect(made.status == 202)
      #expect(try await Self.kept(notes).contains(Self.token), "until it is sent it waits in the data")
      try await notes.deliver()
      let mail = String(decoding: try #require(notes.mail.mails.first).bytes, as: UTF8.self)
      #expect(mail.replacingOccurrences(of: "=\r\n", with: "").contains(Self.token))
      let message = try #require(try await notes.outbox().first)
      #expect(message.subject == "Set a new password for Gravity")
      #expect(message.body.contains("••••••••") && message.html?.contains("••••••••") == true)
      #expect(try await !Self.kept(notes).contains(Self.token))
      #expect(!notes.log.lines.joined().contains(Self.token))
    }
  }

  @Test("for development the outbox shows it", arguments: [Engine.available[0]])
  func development(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) {
      $0.showsSecrets = true
    } _: { notes in
      _ = try await Self.ask(notes)
      try await notes.deliver()
      #expect(try await notes.outbox().first?.body.contains(Self.token) == true)
    }
  }

  @Test("what makes no sense any more is not sent", arguments: Engine.available)
  func expired(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { _ in .failed("away") }
      let made = try await Self.ask(notes, ["expires_at": WireTime.string(notes.clock.now + 600)]).value
      try await notes.deliver()
      notes.mail.answer { _ in .sent }
      notes.clock.advance(600)
      try await notes.deliver()
      let delivery = try #require(try await notes.find(made.id).deliveries.first)
      #expect(delivery.state == .known(.suppressed) && delivery.reason == "expired")
      #expect(notes.mail.mails.count == 1)
      #expect(try await !Self.kept(notes).contains(Self.token))
      let late = try await Self.ask(notes, ["expires_at": WireTime.string(notes.clock.now)])
      #expect(late.status == 422 && late.fields == ["expires_at"])
    }
  }

  @Test("of a mail that is canceled no token stays", arguments: Engine.available)
  func canceled(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let made = try await Self.ask(notes).value
      let path = "/api/v1/notifications/\(made.id.lowercased)/cancel"
      #expect(try await notes.send(NotificationAPI.cancelNotification, path).status == 200)
      #expect(try await !Self.kept(notes).contains(Self.token))
    }
  }

  @Test("a dead letter has its token for as long as it is good", arguments: Engine.available)
  func deadLetter(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { _ in .failed("away") }
      let made = try await Self.ask(notes, ["expires_at": WireTime.string(notes.clock.now + 86_400)]).value
      for _ in 0..<8 {
        try await notes.deliver()
        notes.clock.advance(1_200)
      }
      #expect(try await notes.find(made.id).deliveries.first?.state == .known(.deadLettered))
      try await NotificationTasks.deleteExpired(notes.service.core, notes.service.channels)
      #expect(try await Self.kept(notes).contains(Self.token), "it may be asked for again")
      notes.clock.advance(86_400)
      try await NotificationTasks.deleteExpired(notes.service.core, notes.service.channels)
      #expect(try await !Self.kept(notes).contains(Self.token))
      #expect(try await notes.find(made.id).deliveries.first?.state == .known(.deadLettered))
      let path = "/api/v1/notifications/\(made.id.lowercased)/retry"
      #expect(try await notes.send(NotificationAPI.retryNotification, path).status == 202)
      try await notes.deliver()
      #expect(try await notes.state(made.id, .email) == "suppressed expired")
    }
  }

  @Test(
    "an address that is not the account's own is written to in the account's language, also while auth is away",
    arguments: Engine.available)
  func languages(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("old@example.org", locale: "de-AT")
      let fields: [String: Any] = ["address": "new@example.org", "user_id": user.lowercased]
      _ = try await Self.ask(notes, fields, template: "auth.email_change")
      try await notes.deliver()
      let german = try #require(try await notes.outbox().first)
      #expect(german.recipient == "new@example.org" && german.locale == "de")
      notes.recipients.setAway(true)
      _ = try await Self.ask(notes, fields, template: "auth.email_change")
      try await notes.deliver()
      #expect(try await notes.outbox().first?.locale == "en")
    }
  }

  @Test("a token that is missing is told to whoever asks", arguments: [Engine.available[0]])
  func missing(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let made = try await Self.ask(notes, ["data": ["auth": [String: String]()]])
      #expect(made.status == 422 && made.fields == ["data.auth.token"])
    }
  }
}
