import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import OrderAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct ScheduleTests {
  private static func scheduled(
    _ notes: NotificationFixture, _ seconds: TimeInterval
  ) async throws -> NotificationRecord {
    let user = notes.recipients.add("ada@example.org")
    return try await notes.notify([
      "template": "welcome", "user_id": user.lowercased,
      "send_at": WireTime.string(notes.clock.now + seconds),
    ]).value
  }

  private static func cancel(_ notes: NotificationFixture, _ id: UUID) async throws -> Reply<NotificationRecord> {
    try await notes.send(NotificationAPI.cancelNotification, "/api/v1/notifications/\(id.lowercased)/cancel")
  }

  @Test("what is to be sent later is sent then, dated then, and not before", arguments: Engine.available)
  func later(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let made = try await Self.scheduled(notes, 3_600)
      let due = notes.clock.now + 3_600
      #expect(made.sendAt == due && made.deliveries.first?.nextAttemptAt == due)
      notes.clock.advance(3_599)
      #expect(try await notes.deliver() == 0)
      notes.clock.advance(1)
      #expect(try await notes.deliver() == 1)
      let mail = try #require(notes.mail.mails.first)
      #expect(String(decoding: mail.bytes, as: UTF8.self).contains("Date: \(MailWriter.date(due))\r\n"))
      let past = try await Self.scheduled(notes, -5)
      #expect(past.sendAt != nil)
      #expect(try await notes.deliver() == 1)
      let far = try await notes.notify([
        "template": "welcome", "address": "a@example.org", "send_at": WireTime.string(notes.clock.now + 91 * 86_400),
      ])
      #expect(far.status == 422 && far.fields == ["send_at"])
    }
  }

  @Test("what waits can be canceled, what is under way or sent cannot", arguments: Engine.available)
  func cancels(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let waiting = try await Self.scheduled(notes, 3_600)
      let canceled = try await Self.cancel(notes, waiting.id)
      #expect(canceled.status == 200)
      let delivery = try #require(try canceled.value.deliveries.first)
      #expect(delivery.state == .known(.suppressed) && delivery.reason == "canceled")
      #expect(delivery.history.map(\.state.rawValue) == ["queued", "suppressed"])
      #expect(try await notes.told(of: waiting.id) == ["queued", "suppressed"])
      notes.clock.advance(7_200)
      #expect(try await notes.deliver() == 0)

      let sent = try await Self.scheduled(notes, 0)
      let claim = try await notes.service.sending.claim()
      let busy = try await Self.cancel(notes, sent.id)
      #expect(busy.status == 409 && busy.code == "invalid_state" && busy.problem?.extensions["allowed"] != nil)
      try await notes.service.sending.run(claim.assignments)
      #expect(try await Self.cancel(notes, sent.id).status == 409)
      #expect(try await Self.cancel(notes, waiting.id).status == 409, "canceled already")
      #expect(try await Self.cancel(notes, UUID.v7()).status == 404)

      // One that failed and waits for its next attempt waits.
      notes.mail.answer { _ in .failed("451 later") }
      let failing = try await Self.scheduled(notes, 0)
      try await notes.deliver()
      #expect(try await Self.cancel(notes, failing.id).status == 200)
    }
  }

  @Test(
    "after a mail server was away for an hour, all mails are sent when they are asked for again, each once",
    arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { _ in .failed("mail.example.org:587 cannot be reached") }
      let user = notes.recipients.add("ada@example.org")
      for _ in 0..<12 { try await notes.confirmed(notes.orders.add(of: user), of: user) }
      for _ in 0..<60 {
        try await notes.deliver()
        notes.clock.advance(60)
      }
      #expect(try await notes.notifications("state=dead_lettered").count == 12)
      func retry(_ fields: [String: Any]) async throws -> DeadLetterRetryResult {
        try await notes.send(NotificationAPI.retryDeadLetters, nil, fields).value
      }
      #expect(try await retry(["reason": "template_missing"]).retried == 0)
      #expect(try await retry(["since": WireTime.string(notes.clock.now)]).retried == 0)
      notes.mail.answer { _ in .sent }
      #expect(try await retry(["limit": 5]) == DeadLetterRetryResult(retried: 5, hasMore: true))
      #expect(try await retry(["reason": "retries_exhausted"]) == DeadLetterRetryResult(retried: 7, hasMore: false))
      #expect(try await notes.deliver() == 12)
      #expect(try await notes.outbox().count == 12)
      #expect(Set(notes.mail.mails.map(\.messageID)).count == 12, "copies have one Message-ID")
      #expect(try await notes.send(NotificationAPI.retryDeadLetters, nil, ["limit": 0]).status == 422)
    }
  }

  @Test(
    "a mailbox that does not exist is written to no more, until somebody says otherwise",
    arguments: Engine.available)
  func suppression(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let path = NotificationAPI.suppressions.path
      func listed() async throws -> [Suppression] { try await notes.send(NotificationAPI.suppressions).value.items }
      notes.mail.answer { mail in
        mail.recipient.hasPrefix("gone") ? .noMailbox("550 5.1.1 no such mailbox") : .bounced("554 5.7.1 spam")
      }
      let user = notes.recipients.add("Gone@Example.org")
      notes.mail.answer { mail in
        mail.recipient.lowercased().hasPrefix("gone") ? .noMailbox("550 5.1.1 no such mailbox") : .bounced("554 spam")
      }
      func order(_ user: UUID) async throws -> Delivery? {
        let order = notes.orders.add(of: user)
        try await notes.confirmed(order, of: user)
        try await notes.deliver()
        return try await notes.notifications("about=\(order.lowercased)").first?.deliveries.first
      }
      let first = try await order(user)
      #expect(first?.state == .known(.bounced) && first?.reason == "rejected")
      #expect(try await listed().map(\.address) == ["gone@example.org"])
      #expect(try await listed().first?.reason == "hard_bounce")
      let second = try await order(user)
      #expect(second?.state == .known(.suppressed) && second?.reason == "address_suppressed")
      #expect(notes.mail.mails.count == 1)
      // Mail that is refused for what it says is no reason to give up the address.
      let other = try await order(notes.recipients.add("ada@example.org"))
      #expect(other?.state == .known(.bounced))
      #expect(try await listed().count == 1)

      #expect(try await notes.send(NotificationAPI.removeSuppression, "\(path)/gone@example.org").status == 204)
      #expect(try await notes.send(NotificationAPI.removeSuppression, "\(path)/gone@example.org").status == 404)
      notes.mail.answer { _ in .sent }
      #expect(try await order(user)?.state == .known(.sent))

      let complaint = try await notes.send(
        NotificationAPI.addSuppression, nil, ["address": "Gone@example.org", "reason": "complaint"])
      #expect(try complaint.value.address == "gone@example.org")
      #expect(try await order(user)?.state == .known(.suppressed))
      let wrong = try await notes.send(
        NotificationAPI.addSuppression, nil, ["address": "a@b\r\nBcc: c@d", "reason": "complaint"])
      #expect(wrong.status == 422 && wrong.fields == ["address"])
    }
  }

  @Test("whoever is erased is in no list of addresses either", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { _ in .noMailbox("550 5.1.1 no such mailbox") }
      let user = notes.recipients.add("gone@example.org")
      try await notes.confirmed(notes.orders.add(of: user), of: user)
      try await notes.deliver()
      #expect(try await notes.count("suppressions") == 1)
      try await notes.hear(UserEvents.userErased, UserEvent(userID: user))
      #expect(try await notes.count("suppressions") == 0)
    }
  }
}
