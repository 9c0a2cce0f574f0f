import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import NotificationAPI
import OrderAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct ErasureTests {
  @Test(
    "of an erased user nothing stays that tells who it was, and nothing is sent any more", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let (ada, bob) = (notes.recipients.add("ada@example.org"), notes.recipients.add("bob@example.org"))
      for user in [ada, bob] { try await notes.confirmed(notes.orders.add(of: user), of: user) }
      try await notes.deliver()
      // One that fails with an address in its error, one that waits.
      notes.mail.answer { .bounced("550 <\($0.recipient)> is not here") }
      try await notes.hear(AuthEvents.passwordChanged, AccountEvent(accountID: ada))
      try await notes.deliver()
      _ = try await notes.notify(["template": "welcome", "user_id": ada.lowercased, "data": ["note": "ada-secret"]])
      let sent = notes.mail.mails.filter { $0.recipient == "ada@example.org" }.map(\.id)
      for _ in 0..<2 { try await notes.hear(UserEvents.userErased, UserEvent(userID: ada)) }
      #expect(try await notes.deliver() == 0)

      for table in ["notifications", "deliveries", "delivery_steps", "messages", "outbox", "gravity_tasks"] as [SQL] {
        for row in try await notes.database.rows("SELECT * FROM \(table)") {
          let text = row.cells.map { cell in
            if case .bytes(let bytes) = cell { String(decoding: bytes, as: UTF8.self) } else { "\(cell)" }
          }.joined()
          for secret in ["ada@example.org", "Ada Lovelace", "ada-secret"] where !text.contains("bob@example.org") {
            #expect(!text.contains(secret), "\(table)")
          }
        }
      }
      #expect(try await notes.outbox().map(\.recipient) == ["bob@example.org"])
      let left = try await notes.notifications("user_id=\(ada.lowercased)")
      #expect(left.compactMap { $0.deliveries.first?.reason } == ["erased", "rejected"])
      #expect(left.count == 3)

      // What comes late about somebody who is gone is written down and not sent.
      try await notes.confirmed(notes.orders.add(of: ada), of: ada)
      try await notes.hear(AuthEvents.userRegistered, AccountEvent(accountID: ada))
      #expect(try await notes.deliver() == 0)
      #expect(try await notes.notifications("user_id=\(ada.lowercased)&state=suppressed").count == 3)

      let group = ServiceGroup(services: [notes.service.tasks], logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await eventually("the transport's copies are erased") { Set(sent).isSubset(of: Set(notes.mail.erased)) }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  @Test("a mail that was on its way when its user was erased is taken back", arguments: Engine.available)
  func onItsWay(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      try await notes.confirmed(notes.orders.add(of: ada), of: ada)
      notes.mail.answer { _ in
        do { try await notes.hear(UserEvents.userErased, UserEvent(userID: ada)) } catch { Issue.record(error) }
        return .sent
      }
      try await notes.deliver()
      #expect(try await notes.outbox().isEmpty && notes.mail.erased == notes.mail.mails.map(\.id))
      let delivery = try #require(try await notes.notifications().first?.deliveries.first)
      #expect(delivery.state == .known(.suppressed) && delivery.reason == "erased")
    }
  }

  @Test("a request is answered once the transport's copies are gone", arguments: Engine.available)
  func receipt(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      try await notes.confirmed(notes.orders.add(of: ada), of: ada)
      try await notes.deliver()
      for _ in 0..<2 { try await notes.hear(UserEvents.erasureRequested, UserEvent(userID: ada)) }
      func receipts() async throws -> [ErasureReceipt] {
        try await notes.database.rows(
          "SELECT receipt FROM gravity_erasures WHERE user_id = \(ada) AND receipt IS NOT NULL"
        ).map {
          try WireFormat.makeDecoder().decode(
            ErasureReceipt.self, from: Data(try $0.get("receipt", as: String.self).utf8))
        }
      }
      #expect(try await receipts().isEmpty)
      let group = ServiceGroup(services: [notes.service.tasks], logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await eventually("it answers") { try await !receipts().isEmpty }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
      let receipt = try #require(try await receipts().first)
      #expect(receipt.isComplete)
      #expect(receipt.erased["messages"] == 1, "\(receipt.erased)")
      #expect(Set(notes.mail.mails.map(\.id)).isSubset(of: Set(notes.mail.erased)))
    }
  }

  @Test("a request waits for an attempt that is under way", arguments: Engine.available)
  func receiptWaits(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      _ = try await notes.notify(["template": "welcome", "user_id": ada.lowercased])
      notes.mail.answer { _ in
        do { try await notes.hear(UserEvents.erasureRequested, UserEvent(userID: ada)) } catch { Issue.record(error) }
        return .sent
      }
      try await notes.deliver()
      #expect(notes.mail.mails.count == 1)
      let task = try #require(
        try await notes.database.rows(
          "SELECT enqueued_at, run_at FROM gravity_tasks WHERE type = 'notifications.acknowledge_erasure'"
        ).first)
      let wait = (try task.get("run_at") as Date).timeIntervalSince(try task.get("enqueued_at"))
      #expect(wait >= DeliveryRun.greatestGo, "for as long as an attempt may have its mail: \(wait) s")
    }
  }

  @Test(
    "a copy has what a template was given, but no token of a mail that waits or was given up",
    arguments: Engine.available)
  func copy(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let ada = notes.recipients.add("ada@example.org")
      notes.mail.answer { _ in .failed("away") }
      _ = try await notes.notify([
        "template": "auth.email_change", "address": "victim@example.org", "user_id": ada.lowercased,
        "data": ["auth": ["token": "Zk3-secret-token-9Qw", "minutes": 10]],
      ])
      let data = NotificationPersonalData(erasure: notes.service.erasure)
      func copy() async throws -> String {
        let items = try await notes.database.read { try data.items(of: ada, after: nil, limit: 100, in: $0).items }
        return String(decoding: try WireFormat.makeEncoder().encode(items), as: UTF8.self)
      }
      // Before its first attempt, between two, and as a dead letter.
      for state in ["queued", "queued", "dead_lettered"] {
        let text = try await copy()
        #expect(text.contains("victim@example.org") && text.contains("minutes"), "\(text)")
        #expect(!text.contains("Zk3-secret-token-9Qw"))
        try await notes.deliver()
        if state == "dead_lettered" {
          try await notes.database.write { try $0.execute("UPDATE deliveries SET state = 'dead_lettered'") }
        }
      }
      #expect(try await !copy().contains("Zk3-secret-token-9Qw"))
      // Nobody knows what is secret in it any more.
      try await notes.database.write { try $0.execute("UPDATE notifications SET template = 'my.gone'") }
      let text = try await copy()
      #expect(text.contains("my.gone") && !text.contains("minutes") && !text.contains("Zk3-secret-token-9Qw"))
    }
  }

  @Test("inbox, devices and numbers are in the copy, and go with their user", arguments: Engine.available)
  func channels(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let (ada, bob) = (notes.recipients.add("ada@example.org"), notes.recipients.add("bob@example.org"))
      for user in [ada, bob] {
        _ = try await notes.note(1, to: user, by: ["in_app"], ["phone": "+4915112345678"])
        let device = try await notes.send(
          NotificationAPI.registerDevice, nil, ["platform": "web", "token": "token-of-\(user)", "name": "Laptop"],
          token: FakeVerifier.token(of: user))
        #expect(device.status == 201)
      }
      try await notes.deliver()
      let data = NotificationPersonalData(erasure: notes.service.erasure)
      let items = try await notes.database.read { try data.items(of: ada, after: nil, limit: 100, in: $0).items }
      #expect(Set(items.map(\.kind)) == ["notification", "message", "inbox_message", "push_device"])
      let counts = try await notes.database.write { try data.erase(ada, in: $0) }
      #expect(counts.erased == ["notifications": 1, "messages": 1, "inbox": 1, "push_devices": 1])
      for (table, left) in [("inbox_items", 1), ("inboxes", 1), ("push_devices", 1)] as [(SQL, Int)] {
        #expect(try await notes.count(table) == left)
      }
      #expect(try await notes.count("notifications WHERE phone IS NOT NULL") == 1)
      // What was under way comes too late, and a device that is registered then is nobody's.
      let late = try await notes.send(
        NotificationAPI.registerDevice, nil, ["platform": "web", "token": "late"], token: FakeVerifier.token(of: ada))
      #expect(late.status == 404)
      try await notes.hear(UserEvents.userErased, UserEvent(userID: ada))
      _ = try await notes.note(2, to: ada, by: ["in_app"])
      try await notes.deliver()
      #expect(try await notes.count("inbox_items") == 1)
    }
  }

  @Test("what is older than it may be kept is deleted, with its copies", arguments: Engine.available)
  func retention(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine, { $0.contentRetention = 86_400 }) { notes in
      for address in ["old@example.org", "new@example.org"] {
        _ = try await notes.notify(["template": "welcome", "address": address, "name": "Somebody"])
        try await notes.deliver()
        notes.clock.advance(80_000)
      }
      try await NotificationTasks.deleteExpired(notes.service.core, notes.service.channels)
      #expect(try await notes.outbox().map(\.recipient) == ["new@example.org"])
      #expect(notes.mail.erased == [notes.mail.mails[0].id])
      let addresses = try await notes.database.rows("SELECT address, name FROM notifications ORDER BY id").map {
        try $0.get("address", as: String?.self)
      }
      #expect(addresses == [nil, "new@example.org"])
      #expect(try await notes.notifications().count == 2, "that there was one stays")
    }
  }

  @Test("what was never sent is not kept longer than what was", arguments: Engine.available)
  func neverSent(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine, { $0.contentRetention = 86_400 }) { notes in
      func write(_ address: String, _ more: [String: Any] = [:]) async throws -> UUID {
        let fields: [String: Any] = [
          "template": "welcome", "address": address, "name": "Somebody", "data": ["note": "private"],
        ]
        let made = try await notes.notify(fields.merging(more) { $1 })
        #expect(made.status == 202, "\(made.text)")
        return try made.value.id
      }
      let cancelled = try await write("cancelled@example.org", ["send_at": WireTime.string(notes.clock.now + 60)])
      _ = try await notes.send(
        NotificationAPI.cancelNotification, "/api/v1/notifications/\(cancelled.lowercased)/cancel")
      let suppressed = try await write("suppressed@example.org")
      try await notes.database.write {
        try SuppressionStore($0).insert("suppressed@example.org", "request", delivery: nil, user: nil, at: $0.now)
      }
      let dead = try await write("dead@example.org")
      notes.mail.answer { _ in .failed("away") }
      for _ in 0..<8 {
        try await notes.deliver()
        notes.clock.advance(1_200)
      }
      let later = try await write("later@example.org", ["send_at": WireTime.string(notes.clock.now + 2 * 86_400)])
      #expect(try await notes.state(dead, .email) == "dead_lettered retries_exhausted")
      notes.clock.advance(86_400)
      for _ in 0..<2 {
        try await NotificationTasks.deleteExpired(notes.service.core, notes.service.channels)
        let kept = try await notes.database.rows(
          "SELECT address, name, data FROM notifications WHERE id IN \(list: [cancelled, suppressed, dead])")
        #expect(kept.count == 3 && kept.allSatisfy { $0.cells.allSatisfy { $0 == .null } }, "\(kept)")
        #expect(try await notes.count("notifications WHERE address = 'later@example.org'") == 1)
      }
      #expect(try await notes.state(dead, .email) == "suppressed expired", "it cannot be asked for any more")
      #expect(try await notes.told(of: dead).last == "suppressed")
      #expect(try await notes.state(later, .email) == "queued ")
    }
  }
}
