import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import Patience
import Synchronization
import Testbed
import Testing
@testable import NotificationServer

@Suite struct LeaseTests {
  /// A mail server that takes its time, until it is told to go on.
  private final class SlowServer: Sendable {
    private let released = AsyncStream<Void>.makeStream()
    private let held = Mutex(0)
    var hasMail: Bool { held.withLock { $0 > 0 } }
    func release() { released.continuation.finish() }
    func take() async -> SendOutcome {
      held.withLock { $0 += 1 }
      for await _ in released.stream {}
      return Task.isCancelled ? .failed("given up") : .sent
    }
  }

  private static func due(_ notes: NotificationFixture, _ id: UUID) async throws -> Date? {
    try await notes.database.rows("SELECT due_at FROM deliveries WHERE notification_id = \(id)").first?.get(0)
  }

  @Test("nobody else sends what a slow server still has in its hands", arguments: Engine.available)
  func held(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let server = SlowServer()
      notes.mail.answer { _ in await server.take() }
      let made = try await notes.notify(["template": "welcome", "address": "a@example.org"]).value
      let claim = try await notes.service.sending.claim()
      async let go: Void = notes.service.sending.run(claim.assignments)
      try await eventually("the server has the mail") { server.hasMail }
      // Four leases, a third of one at a time.
      for _ in 0..<12 {
        let before = try await Self.due(notes, made.id)
        try await eventually("it waits for the next renewal") { notes.clock.waiting == 1 }
        notes.clock.advance(10)
        try await eventually("the lease is renewed") { try await Self.due(notes, made.id) != before }
        #expect(try await notes.service.sending.claim().assignments.isEmpty, "another worker has it")
      }
      server.release()
      try await go
      #expect(notes.mail.mails.count == 1)
      let delivery = try #require(try await notes.find(made.id).deliveries.first)
      #expect(delivery.state == .known(.sent) && delivery.attempts == 1)
    }
  }

  @Test("what a process that died was sending is sent by another when its lease is over", arguments: Engine.available)
  func left(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let made = try await notes.notify(["template": "welcome", "address": "a@example.org"]).value
      #expect(try await notes.service.sending.claim().assignments.count == 1)
      notes.clock.advance(29)
      #expect(try await notes.service.sending.claim().assignments.isEmpty)
      notes.clock.advance(1)
      #expect(try await notes.deliver() == 1)
      #expect(try await notes.find(made.id).deliveries.first?.attempts == 2)
      #expect(notes.mail.mails.count == 1)
    }
  }

  @Test("a go that hangs for good is given up", arguments: [Engine.available[0]])
  func hangs(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let server = SlowServer()
      notes.mail.answer { _ in await server.take() }
      let made = try await notes.notify(["template": "welcome", "address": "a@example.org"]).value
      let claim = try await notes.service.sending.claim()
      async let go: Void = notes.service.sending.run(claim.assignments)
      try await eventually("the server has the mail") { server.hasMail }
      let renewals = Int((DeliveryRun.greatestGo - 30) / 10)
      for _ in 0..<renewals {
        let before = try await Self.due(notes, made.id)
        try await eventually("it waits for the next renewal") { notes.clock.waiting == 1 }
        notes.clock.advance(10)
        try await eventually("the lease is renewed") { try await Self.due(notes, made.id) != before }
      }
      notes.clock.advance(30)
      #expect(try await notes.service.sending.claim().assignments.count == 1)
      server.release()
      // What it has to tell counts no more.
      try await go
      #expect(try await notes.find(made.id).deliveries.first?.state == .known(.sending))
    }
  }
}
