import Foundation
import GravityContracts
import NotificationAPI
import Testbed
import Testing

@testable import NotificationServer

@Suite struct DeliveryListTests {
  private static let path = NotificationAPI.deliveries.path

  @Test("deliveries are listed with whom they are for and what they say, and are filtered", arguments: Engine.available)
  func list(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      notes.mail.answer { $0.recipient == "bob@example.org" ? .bounced("550 no such mailbox") : .sent }
      let sent = try await notes.notify(["template": "welcome", "user_id": ada.lowercased, "about": "a"]).value
      let refused = try await notes.notify(["template": "welcome", "address": "bob@example.org", "name": "Bob"]).value
      try await notes.deliver()
      let waiting = try await notes.notify(["template": "welcome", "user_id": ada.lowercased]).value
      func ids(_ query: String) async throws -> [UUID] {
        try await notes.send(NotificationAPI.deliveries, "\(Self.path)?\(query)").value.items.map(\.notificationID)
      }
      let all = try await notes.send(NotificationAPI.deliveries).value.items
      #expect(all.map(\.notificationID) == [waiting.id, refused.id, sent.id])
      #expect(all[2].recipient == "ada@example.org" && all[2].subject?.isEmpty == false && all[2].sentAt != nil)
      // A server that refuses it has had it, so it was written.
      #expect(all[1].recipient == "bob@example.org" && all[1].subject?.isEmpty == false)
      #expect(all[1].error == "550 no such mailbox" && all[1].reason == "rejected" && all[1].attempts == 1)
      #expect(
        all[0].recipient == nil && all[0].subject == nil && all[0].nextAttemptAt != nil && all[0].template == "welcome")

      #expect(try await ids("state=sent") == [sent.id])
      #expect(try await ids("state=bounced") == [refused.id])
      #expect(try await ids("recipient=ada@example.org") == [sent.id])
      #expect(try await ids("recipient=bob@example.org") == [refused.id])
      #expect(try await ids("user_id=\(ada.lowercased)") == [waiting.id, sent.id])
      #expect(try await ids("about=a") == [sent.id])
      #expect(try await ids("notification_id=\(refused.id.lowercased)") == [refused.id])
      #expect(try await ids("template=none").isEmpty)

      var (seen, cursor) = ([UUID](), "")
      repeat {
        let page = try await notes.send(NotificationAPI.deliveries, "\(Self.path)?limit=1\(cursor)").value
        seen += page.items.map(\.notificationID)
        cursor = page.nextCursor.map { "&cursor=\($0)" } ?? ""
      } while !cursor.isEmpty && seen.count < 9
      #expect(seen == all.map(\.notificationID))
      for query in ["limit=0", "state=lost", "cursor=\(Cursor(["1"]))"] {
        #expect(try await notes.send(NotificationAPI.deliveries, "\(Self.path)?\(query)").status == 422, "\(query)")
      }
      let reader = FakeVerifier.token("orders:read")
      #expect(try await notes.send(NotificationAPI.deliveries, token: reader).status == 403)
    }
  }

  @Test("a notification's messages are given by its id, and none before it was sent", arguments: Engine.available)
  func messages(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      let made = try await notes.notify(["template": "welcome", "user_id": ada.lowercased]).value
      _ = try await notes.notify(["template": "welcome", "address": "bob@example.org"])
      let path = "/api/v1/notifications/\(made.id.lowercased)/messages"
      #expect(try await notes.send(NotificationAPI.messages, path).value.items.isEmpty)
      try await notes.deliver()
      let items = try await notes.send(NotificationAPI.messages, path).value.items
      #expect(items.map(\.recipient) == ["ada@example.org"] && items.first?.notificationID == made.id)
      let other = "/api/v1/notifications/\(UUID.v7().lowercased)/messages"
      #expect(try await notes.send(NotificationAPI.messages, other).status == 404)
    }
  }

  @Test("one address is looked up among those that are written to no more", arguments: Engine.available)
  func suppression(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let path = "\(NotificationAPI.suppressions.path)/Ada@example.org"
      #expect(try await notes.send(NotificationAPI.suppression, path).status == 404)
      _ = try await notes.send(
        NotificationAPI.addSuppression, nil, ["address": "ada@example.org", "reason": "request"])
      #expect(try await notes.send(NotificationAPI.suppression, path).value.reason == "request")
    }
  }
}
