import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing
@testable import NotificationServer

@Suite(.timeLimit(.minutes(5))) struct InboxTests {
  /// As many notes in a new user's inbox, oldest first.
  private static func filled(_ notes: NotificationFixture, _ count: Int) async throws -> (user: UUID, ids: [UUID]) {
    let user = notes.recipients.add("ada@example.org")
    for number in 1...count {
      _ = try await notes.note(number, to: user, by: ["in_app"])
      try await notes.deliver()
      notes.clock.advance(1)
    }
    return (user, try await list(notes, user, "limit=100").map(\.id).reversed())
  }

  private static func list(
    _ notes: NotificationFixture, _ user: UUID, _ query: String = ""
  ) async throws -> [InboxItem] {
    try await notes.send(
      NotificationAPI.inbox, "\(NotificationAPI.inbox.path)?\(query)", token: FakeVerifier.token(of: user)
    ).value.items
  }

  private static func counts(_ notes: NotificationFixture, _ user: UUID) async throws -> InboxCounts {
    try await notes.send(NotificationAPI.inboxCounts, token: FakeVerifier.token(of: user)).value
  }

  private static func change(
    _ notes: NotificationFixture, _ user: UUID, _ id: UUID, _ fields: [String: Any]
  ) async throws -> Reply<InboxItem> {
    try await notes.send(
      NotificationAPI.updateInboxItem, "/api/v1/notifications/inbox/\(id.lowercased)", fields,
      token: FakeVerifier.token(of: user))
  }

  private static func path(_ id: UUID) -> String { "/api/v1/notifications/inbox/\(id.lowercased)" }

  @Test(
    "what is told in the application is in the user's inbox, once, and in nobody else's", arguments: Engine.available)
  func told(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let (user, other) = (notes.recipients.add("ada@example.org"), notes.recipients.add("bob@example.org"))
      let id = try await notes.note(7, to: user, by: ["in_app", "email"], ["about": "note-7"])
      let claim = try await notes.service.sending.claim()
      // The first process dies between the inbox and the record.
      let inApp = try #require(claim.assignments.first { $0.delivery.channel == .inApp })
      let composed = await notes.service.sending.composer.compose([inApp])
      guard case .message(let message, _, _) = composed[0].composition else { throw Away() }
      let channel = try #require(notes.service.channels.first { $0.kind == .inApp })
      #expect(await channel.send([message]) == [.sent])
      notes.clock.advance(30)
      #expect(try await notes.deliver() == 2)
      let items = try await Self.list(notes, user)
      let item = try #require(items.first)
      #expect(items.count == 1 && item.title == "Note 7" && item.body == "The 7. note." && item.link == "/notes/7")
      #expect(item.notificationID == id && item.about == "note-7" && item.category == .known(.orders))
      #expect(item.readAt == nil && item.seenAt == nil)
      #expect(try await notes.state(id, .inApp) == "sent ")
      #expect(try await notes.state(id, .email) == "sent ")
      #expect(try await Self.list(notes, other).isEmpty)
      #expect(try await Self.counts(notes, other) == InboxCounts(unread: 0, unseen: 0))
      for reply in [
        try await Self.change(notes, other, item.id, ["read": true]).status,
        try await notes.send(
          NotificationAPI.deleteInboxItem, Self.path(item.id), token: FakeVerifier.token(of: other)
        ).status,
        try await notes.send(
          NotificationAPI.readInbox, nil, ["up_to": item.id.lowercased], token: FakeVerifier.token(of: other)
        ).status,
      ] { #expect(reply == 404, "nobody reads, deletes or marks what is somebody else's") }
      #expect(try await notes.send(NotificationAPI.inbox, raw: nil).status == 401)
    }
  }

  @Test("seen and read are two things; read can be taken back, and goes up to a message", arguments: Engine.available)
  func marks(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let (user, ids) = try await Self.filled(notes, 4)
      let token = FakeVerifier.token(of: user)
      #expect(try await Self.counts(notes, user) == InboxCounts(unread: 4, unseen: 4))
      let seen = try await notes.send(NotificationAPI.seeInbox, nil, ["up_to": ids[2].lowercased], token: token)
      #expect(try seen.value == InboxCounts(unread: 4, unseen: 1))
      let read = try await Self.change(notes, user, ids[3], ["read": true]).value
      #expect(read.readAt == notes.clock.now && read.seenAt == notes.clock.now, "who reads it has seen it")
      #expect(try await Self.counts(notes, user) == InboxCounts(unread: 3, unseen: 0))
      let unread = try await Self.change(notes, user, ids[3], ["read": false]).value
      #expect(unread.readAt == nil && unread.seenAt != nil)
      let upTo = try await notes.send(NotificationAPI.readInbox, nil, ["up_to": ids[1].lowercased], token: token)
      #expect(try upTo.value == InboxCounts(unread: 2, unseen: 0))
      #expect(try await Self.list(notes, user, "unread=true").map(\.id) == [ids[3], ids[2]])
      let nothing = try await Self.change(notes, user, ids[0], [:])
      #expect(nothing.status == 422 && nothing.fields == ["read"])
    }
  }

  @Test(
    "it is read in pages, newest first; the archive is apart, and what is deleted is gone", arguments: Engine.available)
  func pages(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let (user, ids) = try await Self.filled(notes, 5)
      let token = FakeVerifier.token(of: user)
      var (found, cursor): ([UUID], String?) = ([], nil)
      repeat {
        let page = try await notes.send(
          NotificationAPI.inbox, "\(NotificationAPI.inbox.path)?limit=2\(cursor.map { "&cursor=\($0)" } ?? "")",
          token: token
        ).value
        found += page.items.map(\.id)
        cursor = page.nextCursor?.description
      } while cursor != nil
      #expect(found == ids.reversed())
      #expect(try await Self.change(notes, user, ids[1], ["archived": true]).value.archivedAt == notes.clock.now)
      #expect(try await Self.list(notes, user, "archived=true").map(\.id) == [ids[1]])
      #expect(try await Self.counts(notes, user).unread == 4)
      #expect(try await Self.change(notes, user, ids[1], ["archived": false]).value.archivedAt == nil)
      #expect(try await notes.send(NotificationAPI.deleteInboxItem, Self.path(ids[4]), token: token).status == 204)
      #expect(try await notes.send(NotificationAPI.deleteInboxItem, Self.path(ids[4]), token: token).status == 404)
      #expect(try await Self.list(notes, user).map(\.id) == ids.prefix(4).reversed())
      let foreign = try await notes.send(
        NotificationAPI.inbox, "\(NotificationAPI.inbox.path)?cursor=\(Cursor(["x"]))", token: token)
      #expect(foreign.status == 422 && foreign.fields == ["cursor"])
    }
  }

  @Test("an inbox has a bound: what was read goes first, the oldest before the others", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine, { $0.greatestInbox = 10 }) { notes in
      try await notes.publishNote()
      let (user, ids) = try await Self.filled(notes, 10)
      for index in [6, 3] { _ = try await Self.change(notes, user, ids[index], ["read": true]) }
      for number in 11...13 {
        _ = try await notes.note(number, to: user, by: ["in_app"])
        try await notes.deliver()
      }
      let kept = try await Self.list(notes, user, "limit=100").map(\.title)
      #expect(kept == [13, 12, 11, 10, 9, 8, 6, 5, 3, 2].map { "Note \($0)" })
      #expect(try await notes.count("inbox_items") == 10)
    }
  }

  @Test("what has expired is neither listed nor counted, and is deleted", arguments: Engine.available)
  func expiry(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let user = notes.recipients.add("ada@example.org")
      _ = try await notes.note(
        1, to: user, by: ["in_app"], ["expires_at": WireTime.string(notes.clock.now + 60)])
      _ = try await notes.note(2, to: user, by: ["in_app"])
      try await notes.deliver()
      #expect(try await Self.counts(notes, user).unread == 2)
      notes.clock.advance(60)
      #expect(try await Self.list(notes, user).map(\.title) == ["Note 2"])
      #expect(try await Self.counts(notes, user) == InboxCounts(unread: 1, unseen: 1))
      #expect(try await notes.count("inbox_items") == 2)
      try await NotificationTasks.deleteExpired(notes.service.core, notes.service.channels)
      #expect(try await notes.count("inbox_items") == 1)
    }
  }

  // MARK: Streams

  private static func counts(_ event: ServerSentEvent) throws -> InboxCounts {
    try WireFormat.makeDecoder().decode(InboxCounts.self, from: Data(event.data.utf8))
  }

  private static func told(
    _ notes: NotificationFixture, _ user: UUID, after last: Int64?
  ) async throws -> (names: [String], position: Int64) {
    let (events, position) = try await notes.service.streams.look(of: user, after: last)
    return (events.map { $0.name ?? "" }, position)
  }

  @Test(
    "whoever comes back is told what happened meanwhile, from the table; what was deleted, or is too much, by a reload",
    arguments: Engine.available)
  func resumed(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let (user, ids) = try await Self.filled(notes, 2)
      let (first, begun) = try await Self.told(notes, user, after: nil)
      #expect(first == ["counts"], "who begins reads the list, and is told changes")
      #expect(try await Self.told(notes, user, after: begun).names.isEmpty)
      _ = try await notes.note(3, to: user, by: ["in_app"])
      try await notes.deliver()
      _ = try await Self.change(notes, user, ids[0], ["read": true])
      let (events, position) = try await notes.service.streams.look(of: user, after: begun)
      #expect(events.map(\.name) == ["item", "item", "counts"])
      let items = try events.prefix(2).map {
        try WireFormat.makeDecoder().decode(InboxItem.self, from: Data($0.data.utf8))
      }
      #expect(items.map(\.title) == ["Note 3", "Note 1"] && items[1].readAt != nil)
      #expect(events[2].id == "\(position)")
      #expect(try Self.counts(events[2]) == InboxCounts(unread: 2, unseen: 2))
      // Again from where one was before: nothing is lost, whoever asks.
      #expect(try await Self.told(notes, user, after: begun).names == ["item", "item", "counts"])
      #expect(try await Self.told(notes, user, after: position + 100).names == ["reload", "counts"])
      let token = FakeVerifier.token(of: user)
      _ = try await notes.send(NotificationAPI.deleteInboxItem, Self.path(ids[1]), token: token)
      #expect(try await Self.told(notes, user, after: position).names == ["reload", "counts"])
      let (_, after) = try await Self.told(notes, user, after: position)
      for number in 0...InboxStreams.greatestChanges {
        _ = try await notes.note(number, to: user, by: ["in_app"])
      }
      try await notes.deliver()
      #expect(try await Self.told(notes, user, after: after).names == ["reload", "counts"])
    }
  }

  @Test("a stream hears of a change that another instance makes, and has a bound", arguments: Engine.available)
  func live(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await notes.publishNote()
      let user = notes.recipients.add("ada@example.org")
      let group = ServiceGroup(services: [notes.service.streams.hub], logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var events: AsyncStream<ServerSentEvent>? = try notes.service.streams.open(of: user, after: nil)
        var iterator = events?.makeAsyncIterator()
        #expect(await iterator?.next()?.name == "counts")
        // What another instance does is a change of the table and a notification of the database.
        _ = try await notes.note(1, to: user, by: ["in_app"])
        try await notes.deliver()
        #expect(await iterator?.next()?.name == "item")
        let counts = try #require(await iterator?.next())
        #expect(try Self.counts(counts) == InboxCounts(unread: 1, unseen: 1))

        let more = try (2...5).map { _ in try notes.service.streams.open(of: user, after: nil) }
        #expect(throws: Problem.self) { try notes.service.streams.open(of: user, after: nil) }
        let another = try notes.service.streams.open(of: notes.recipients.add("bob@example.org"), after: nil)
        #expect(notes.service.streams.hub.count == 6)
        withExtendedLifetime((more, another)) {}
        (events, iterator) = (nil, nil)
        try await eventually("a stream that nobody reads any more is given back") {
          notes.service.streams.hub.count < 6
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }
}
