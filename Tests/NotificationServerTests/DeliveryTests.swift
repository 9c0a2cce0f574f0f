import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import OrderAPI
import Testbed
import Testing
@testable import NotificationServer

@Suite struct DeliveryTests {
  private static func order(_ notes: NotificationFixture, _ address: String? = "ada@example.org") async throws -> UUID {
    let user = notes.recipients.add(address)
    try await notes.confirmed(notes.orders.add(of: user), of: user)
    return try #require(try await notes.notifications("user_id=\(user.lowercased)").first).id
  }

  @Test("a legal move is in the table and everything else is not")
  func moves() {
    var legal: [String] = []
    for old in DeliveryState.allCases {
      for new in DeliveryState.allCases where DeliveryMove.isLegal(from: old, to: new) {
        legal.append("\(old.rawValue) → \(new.rawValue)")
      }
    }
    #expect(
      legal == [
        "queued → sending", "queued → suppressed", "sending → queued", "sending → sent", "sending → bounced",
        "sending → suppressed", "sending → dead_lettered", "sent → delivered", "sent → undelivered", "sent → bounced",
        "dead_lettered → queued", "dead_lettered → suppressed",
      ])
  }

  @Test("eight attempts take half an hour at most, whatever chance says")
  func ladder() {
    for chance in [0, 0.5, 1] {
      let delays = (1...7).compactMap { DeliveryLadder.delay(after: $0, chance: chance) }
      #expect(delays.count == 7 && delays.reduce(0, +) <= 1_800)
      #expect(zip(delays, delays.dropFirst()).allSatisfy { $0 * 1.5 < $1 })
      #expect(DeliveryLadder.delay(after: 8, chance: chance) == nil)
    }
    #expect(DeliveryLadder.delay(after: 3, chance: 0)! < DeliveryLadder.delay(after: 3, chance: 1)!)
  }

  @Test(
    "what fails is tried eight times, ends as a dead letter, and is sent when it is asked for again",
    arguments: Engine.available)
  func deadLetter(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { _ in .failed("451 try again") }
      let id = try await Self.order(notes)
      let began = notes.clock.now
      for attempt in 1...8 {
        #expect(try await notes.deliver() == 1, "attempt \(attempt)")
        #expect(try await notes.deliver() == 0, "not before its time")
        let delivery = try #require(try await notes.find(id).deliveries.first)
        #expect(delivery.attempts == Int64(attempt) && delivery.error == "451 try again")
        if attempt < 8 {
          #expect(delivery.state == .known(.queued) && delivery.reason == nil)
          let next = try #require(delivery.nextAttemptAt)
          notes.clock.advance(next.timeIntervalSince(notes.clock.now))
        } else {
          #expect(delivery.state == .known(.deadLettered) && delivery.reason == "retries_exhausted")
          #expect(delivery.nextAttemptAt == nil)
        }
      }
      #expect(notes.clock.now.timeIntervalSince(began) <= 1_800)
      notes.clock.advance(86_400)
      #expect(try await notes.deliver() == 0, "nobody tries it any more")
      #expect(try await notes.notifications("state=dead_lettered").map(\.id) == [id])
      #expect(try await notes.outbox().isEmpty, "what was not sent is no message")
      #expect(Set(notes.mail.mails.map(\.messageID)).count == 1)

      notes.mail.answer { _ in .sent }
      let path = "/api/v1/notifications/\(id.lowercased)/retry"
      let retried = try await notes.send(NotificationAPI.retryNotification, path)
      #expect(retried.status == 202)
      #expect(try await notes.deliver() == 1)
      let delivery = try #require(try await notes.find(id).deliveries.first)
      #expect(delivery.state == .known(.sent) && delivery.attempts == 9 && delivery.error == nil)
      #expect(
        delivery.history.map(\.state.rawValue)
          == ["queued"] + Array(repeating: "queued", count: 7) + ["dead_lettered", "queued", "sent"])
      #expect(try await notes.told(of: id) == ["queued", "dead_lettered", "queued", "sent"])
      let again = try await notes.send(NotificationAPI.retryNotification, path)
      #expect(again.status == 409 && again.code == "invalid_state")
      #expect(again.problem?.extensions["allowed"] == .array(["dead_lettered"]))
      let unknown = try await notes.send(
        NotificationAPI.retryNotification, "/api/v1/notifications/\(UUID.v7().lowercased)/retry")
      #expect(unknown.status == 404)
    }
  }

  @Test(
    "a process that dies between the file and the record leads to one file, and the mail is sent",
    arguments: Engine.available)
  func killed(_ engine: Engine) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mail-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let disk = DiskMailTransport(folder: folder)
    try await NotificationFixture.run(on: engine, transport: disk) { notes in
      let id = try await Self.order(notes)
      let claim = try await notes.service.sending.claim()
      let assignment = try #require(claim.assignments.first)
      // What a run does up to its record: then kill −9.
      guard
        case .message(let message, _, _) = try #require(
          await notes.service.sending.composer.compose([assignment]).first?.composition)
      else { throw Away() }
      #expect(await notes.service.channels[0].send([message]) == [.sent])
      let file = disk.file(assignment.delivery.id)
      let first = try Data(contentsOf: file)
      #expect(try await notes.find(id).deliveries.first?.state == .known(.sending))
      #expect(try await notes.deliver() == 0, "the lease is not over")

      notes.clock.advance(30)
      #expect(try await notes.deliver() == 1)
      #expect(try await notes.find(id).deliveries.first?.state == .known(.sent))
      #expect(try Data(contentsOf: file) == first, "to the last byte")
      #expect(Self.files(folder) == ["\(assignment.delivery.id.lowercased).eml"])

      // The first process was not dead, only slow: its record changes nothing any more.
      let before = try await notes.find(id)
      try await notes.service.sending.run(claim.assignments)
      #expect(try await notes.find(id) == before)
      #expect(try await notes.told(of: id) == ["queued", "sent"])
      #expect(Self.files(folder).count == 1)
    }
  }

  private static func files(_ folder: URL) -> [String] {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
    return (files?.allObjects as? [URL] ?? []).filter { !$0.hasDirectoryPath }.map(\.lastPathComponent).sorted()
  }

  @Test("a delivery over which its process dies each time ends as a dead letter", arguments: Engine.available)
  func poison(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let id = try await Self.order(notes)
      for _ in 0..<8 {
        #expect(try await notes.service.sending.claim().assignments.count == 1)
        notes.clock.advance(30)
      }
      try await notes.deliver()
      let delivery = try #require(try await notes.find(id).deliveries.first)
      #expect(delivery.state == .known(.deadLettered) && delivery.reason == "retries_exhausted")
      #expect(notes.mail.mails.isEmpty)
    }
  }

  @Test("while another service is away its mails wait, and are sent when it is back", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let id = try await Self.order(notes)
      notes.orders.setAway(true)
      try await notes.deliver()
      notes.clock.advance(10)
      notes.orders.setAway(false)
      notes.recipients.setAway(true)
      try await notes.deliver()
      let waiting = try #require(try await notes.find(id).deliveries.first)
      #expect(waiting.state == .known(.queued) && waiting.error?.contains("recipient") == true)
      notes.recipients.setAway(false)
      notes.clock.advance(20)
      #expect(try await notes.deliver() == 1)
      #expect(try await notes.find(id).deliveries.first?.state == .known(.sent))
    }
  }

  @Test("who is gone or has no address is not written to, and it says why", arguments: Engine.available)
  func suppressed(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let gone = notes.recipients.add("gone@example.org")
      let order = notes.orders.add(of: gone)
      try await notes.confirmed(order, of: gone)
      notes.recipients.remove(gone)
      _ = try await Self.order(notes, nil)
      _ = try await Self.order(notes, "no address\r\nBcc: all@example.org")
      try await notes.deliver()
      let suppressed = try await notes.notifications("state=suppressed")
      #expect(
        suppressed.compactMap { $0.deliveries.first?.reason } == ["invalid_address", "no_address", "recipient_gone"])
      #expect(notes.mail.mails.isEmpty)
      #expect(try await notes.told(of: suppressed[0].id) == ["queued", "suppressed"])
    }
  }

  @Test("a refusal for good is not tried again; one mail's failure is no other's", arguments: Engine.available)
  func bounced(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      notes.mail.answer { mail in
        switch mail.recipient {
        case "bad@example.org": .bounced("550 no such mailbox")
        case "slow@example.org": .failed("421 later")
        default: .sent
        }
      }
      let bad = try await Self.order(notes, "bad@example.org")
      let slow = try await Self.order(notes, "slow@example.org")
      let good = try await Self.order(notes, "good@example.org")
      #expect(try await notes.deliver() == 3)
      let delivery = try #require(try await notes.find(bad).deliveries.first)
      #expect(delivery.state == .known(.bounced) && delivery.reason == "rejected")
      #expect(delivery.error == "550 no such mailbox" && delivery.history.last?.detail == "550 no such mailbox")
      #expect(try await notes.find(slow).deliveries.first?.state == .known(.queued))
      #expect(try await notes.find(good).deliveries.first?.state == .known(.sent))
      notes.clock.advance(3_600)
      #expect(try await notes.deliver() == 1)
    }
  }

  @Test("several instances send each mail once", arguments: Engine.available)
  func instances(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine, { $0.batch = 3 }) { notes in
      for number in 0..<40 { _ = try await Self.order(notes, "u\(number)@example.org") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 { group.addTask { try await notes.deliver() } }
        try await group.waitForAll()
      }
      // One that was skipped because somebody held it is taken now.
      try await notes.deliver()
      #expect(notes.mail.mails.count == 40 && Set(notes.mail.mails.map(\.id)).count == 40)
      #expect(try await notes.outbox().count == 40)
    }
  }

  @Test("a batch asks for a recipient once", arguments: Engine.available)
  func asksOnce(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      for _ in 0..<10 { try await notes.confirmed(notes.orders.add(of: user), of: user) }
      #expect(try await notes.deliver() == 10)
      #expect(notes.recipients.asked == 1)
    }
  }
}
