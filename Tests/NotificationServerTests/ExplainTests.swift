import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct ExplainTests {
  private static func explain(
    _ notes: NotificationFixture, _ fields: [String: Any]
  ) async throws -> Reply<NotificationExplanation> {
    try await notes.send(NotificationAPI.explainNotification, nil, fields)
  }

  /// Each answer as `outcome reason: check+ check-`.
  private static func words(_ delivery: ExplainedDelivery) -> String {
    let steps = delivery.steps.map { "\($0.check.rawValue)\($0.passed ? "+" : "-")" }.joined(separator: " ")
    return "\(delivery.outcome.rawValue) \(delivery.reason ?? ""): \(steps)"
  }

  private static func rows(_ notes: NotificationFixture) async throws -> [Int] {
    var counts: [Int] = []
    for table in ["notifications", "deliveries", "messages", "inbox_items", "outbox", "idempotency_keys"] as [SQL] {
      counts.append(try await notes.count(table))
    }
    return counts
  }

  @Test("every decision is told, and nothing is written or sent", arguments: Engine.available)
  func traced(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let before = try await Self.rows(notes)
      let user = notes.recipients.add("ada@example.org", locale: "fr-CA")
      let time = notes.clock.now + 600
      let reply = try await Self.explain(
        notes,
        [
          "template": "my.note", "user_id": user.lowercased, "channels": ["email", "in_app"], "data": ["n": 5],
          "send_at": WireTime.string(time), "expires_at": WireTime.string(time + 600),
        ])
      #expect(reply.status == 200)
      let explanation = try reply.value
      #expect(explanation.templateVersion == 1 && explanation.category == .known(.orders) && !explanation.isCritical)
      let (mail, inApp) = (explanation.deliveries[0], explanation.deliveries[1])
      #expect(
        Self.words(mail)
          == "send : schedule+ expiry+ template+ recipient+ preference+ locale+ suppression+ unsubscription+ channel+")
      #expect(Self.words(inApp) == "send : schedule+ expiry+ template+ recipient+ preference+ locale+ channel+")
      #expect(mail.message?.subject == "Note 5" && mail.sendAt == time)
      let details = Dictionary(
        mail.steps.map { ($0.check.rawValue, $0.detail) }, uniquingKeysWith: { first, _ in first })
      #expect(details["locale"] == "fr-CA is wanted, en serves" && details["recipient"] == "ada@example.org")
      #expect(details["preference"] == "orders by email is on" && details["template"] == "version 1 of my.note")
      #expect(try await Self.rows(notes) == before)
      #expect(try await notes.deliver() == 0 && notes.mail.mails.isEmpty)
    }
  }

  @Test("what is explained is what an attempt does", arguments: Engine.available)
  func same(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      try await notes.publishNote(category: "security")
      let unwilling = notes.recipients.add("no@example.org")
      notes.recipients.prefer(
        NotificationPreferences(choices: [.email: [.account: false, .security: false]]), of: unwilling)
      let unknown = notes.recipients.add("who@example.org")
      notes.recipients.prefer(nil, of: unknown)
      let cases: [(fields: [String: Any], expected: String)] = [
        (["template": "welcome", "user_id": unwilling.lowercased], "suppress opted_out"),
        (["template": "my.note", "data": ["n": 1], "user_id": unwilling.lowercased], "send "),
        (["template": "welcome", "user_id": unknown.lowercased], "retry "),
        (["template": "welcome", "user_id": UUID.v7().lowercased], "suppress recipient_gone"),
        (
          ["template": "welcome", "user_id": notes.recipients.add(nil).lowercased], "suppress no_address"
        ), (["template": "welcome", "address": "gone@example.org"], "suppress address_suppressed"),
        (["template": "welcome", "address": "fine@example.org"], "send "),
      ]
      _ = try await notes.send(
        NotificationAPI.addSuppression, nil, ["address": "gone@example.org", "reason": "complaint"])
      for (fields, expected) in cases {
        let explained = try await Self.explain(notes, fields).value.deliveries[0]
        #expect(
          "\(explained.outcome.rawValue) \(explained.outcome == .known(.retry) ? "" : explained.reason ?? "")"
            == expected, "\(fields)")
        #expect(explained.steps.last?.passed == (explained.outcome == .known(.send)), "the last question decided it")
        let id = try await notes.notify(fields).value.id
        try await notes.deliver()
        let state =
          try await notes.state(id, .email)
          .replacing("suppressed ", with: "suppress ").replacing("sent ", with: "send ").replacing(
            "queued ", with: "retry ")
        #expect(state == expected, "\(fields)")
      }
    }
  }

  @Test("what cannot be asked for cannot be explained, and says the same", arguments: [Engine.available[0]])
  func refused(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let mistakes: [[String: Any]] = [
        ["template": "nothing.here", "address": "a@example.org"], ["template": "welcome"],
        ["template": "my.note", "address": "a@example.org"],
        ["template": "welcome", "user_id": UUID.v7().lowercased, "channels": ["sms"]],
      ]
      for fields in mistakes {
        let (explained, made) = (try await Self.explain(notes, fields), try await notes.notify(fields))
        #expect(explained.status == 422 && explained.fields == made.fields, "\(fields)")
      }
      let token = FakeVerifier.token("templates:read")
      let forbidden = try await notes.send(
        NotificationAPI.explainNotification, nil, ["template": "welcome", "address": "a@example.org"], token: token)
      #expect(forbidden.status == 403)
    }
  }

  @Test("of somebody who is erased it says so, and a secret is shown as dots", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      try await notes.hear(UserEvents.userErased, UserEvent(userID: ada))
      let gone = try await Self.explain(notes, ["template": "welcome", "user_id": ada.lowercased]).value.deliveries[0]
      #expect(Self.words(gone) == "suppress erased: recipient-")
      let secret = try await Self.explain(
        notes,
        [
          "template": "auth.recovery", "address": "bob@example.org",
          "data": ["auth": ["token": "Zk3-secret", "minutes": 10]],
        ])
      #expect(secret.status == 200 && !secret.text.contains("Zk3-secret") && secret.text.contains("••••"))
      #expect(try secret.value.isCritical)
    }
  }
}
