import Foundation
public import GravityContracts
import GravityData
import Logging

/// Where a consumer gets the past from that it has not seen: events from before it was deployed, or from before there
/// were events.
public struct EventSnapshot: Sendable {
  /// The service whose past it is: `auth`.
  public var service: String
  /// The page after a cursor; the first for nil.
  public var page: @Sendable (Cursor?) async throws -> SnapshotPage

  public init(service: String, page: @escaping @Sendable (Cursor?) async throws -> SnapshotPage) {
    self.service = service
    self.page = page
  }
}

/// Takes a snapshot in, once in a consumer's life, page by page; an interrupted one goes on where it was.
struct SnapshotImport: Sendable {
  let snapshot: EventSnapshot
  let consumer: EventConsumer
  let queue: String
  let broker: any EventBroker

  init(_ snapshot: EventSnapshot, consumer: EventConsumer, queue: String, broker: any EventBroker) {
    self.snapshot = snapshot
    self.consumer = consumer
    self.queue = queue
    self.broker = broker
  }

  func run() async {
    var backoff = Backoff(first: .milliseconds(200), greatest: .seconds(30))
    while !Task.isCancelled {
      do {
        if try await isComplete() { return }
        // Events from now on must be on their way before the past is read, or those in between would be missed.
        guard try await broker.depth(of: queue) != nil else { throw BrokerError.unavailable("no queue \(queue) yet") }
        var count = 0
        while true {
          let (done, taken) = try await importPage()
          count += taken
          backoff.succeeded()
          if done { break }
        }
        consumer.logger.notice(
          "the past was taken in",
          metadata: ["consumer": "\(consumer.name)", "service": "\(snapshot.service)", "subjects": "\(count)"])
        return
      } catch is CancellationError {} catch {
        backoff.failed()
        if backoff.failures == 5 {
          consumer.logger.warning(
            "the past is not taken in yet",
            metadata: [
              "consumer": "\(consumer.name)", "service": "\(snapshot.service)", "error.message": "\(error)",
            ])
        }
        try? await Task.sleep(for: backoff.pause)
      }
    }
  }

  private func isComplete() async throws -> Bool {
    try await consumer.database.read { transaction in
      try InboxStore(transaction, consumer: consumer.name).snapshot(of: snapshot.service)?.completedAt != nil
    }
  }

  /// Takes a page in, subject by subject, and then notes that it is done.
  /// - Returns: whether it was the last, and how many subjects were in it.
  private func importPage() async throws -> (Bool, Int) {
    let name = consumer.name
    let progress = try await consumer.database.read { transaction in
      try InboxStore(transaction, consumer: name).snapshot(of: snapshot.service)
    }
    if progress?.completedAt != nil { return (true, 0) }
    let page = try await snapshot.page(progress?.cursor.flatMap { Cursor($0) })
    for item in page.items {
      do {
        try await consumer.database.write { try take(item, in: $0) }
      } catch let error where !EventConsumer.isAway(error) {
        try await park(item, error)
      }
    }
    let isDone = try await consumer.database.write { transaction in
      let inbox = InboxStore(transaction, consumer: name)
      // Another instance may have been here meanwhile, and gone on.
      let now = try inbox.snapshot(of: snapshot.service)
      guard now?.cursor == progress?.cursor, now?.completedAt == nil else { return now?.completedAt != nil }
      try inbox.setSnapshot(
        of: snapshot.service, cursor: page.nextCursor?.description,
        completedAt: page.nextCursor == nil ? try transaction.now : nil)
      return page.nextCursor == nil
    }
    return (isDone, page.items.count)
  }

  private func events(of item: SnapshotItem, at time: Date) -> [CloudEvent] {
    item.events.enumerated().map { index, event in
      CloudEvent(
        // The same for every instance that takes the item in, so that the inbox knows it.
        id: UUID(hashing: "\(snapshot.service) \(item.subject) \(item.sequence) \(index) \(event.type)"),
        source: "/\(snapshot.service)", type: event.type, subject: item.subject, time: time, sequence: 0,
        traceparent: nil, data: Array(event.data.utf8))
    }
  }

  /// A subject of which the consumer already knows as much as the snapshot does is left alone.
  private func take(_ item: SnapshotItem, in transaction: any Transaction) throws {
    let source = "/\(snapshot.service)"
    let inbox = InboxStore(transaction, consumer: consumer.name)
    guard let family = item.events.first.map({ String($0.type.prefix { $0 != "." }) }) else { return }
    let isOrdered = consumer.intake.order == .bySubject && item.sequence > 0
    if isOrdered {
      let position = try inbox.position(source: source, family: family, subject: item.subject) ?? 0
      guard position < item.sequence else { return }
    }
    for event in events(of: item, at: try transaction.now) {
      guard let handler = consumer.intake.handlers[event.type], try inbox.note([event.id]) == [event.id] else {
        continue
      }
      try handler.handle(event, transaction)
    }
    guard isOrdered else { return }
    try inbox.setPosition(item.sequence, source: source, family: family, subject: item.subject)
    let parked = ParkedEventStore(transaction, consumer: consumer.name)
    try parked.deleteHeld(source: source, family: family, subject: item.subject, upTo: item.sequence)
    try parked.promote(source: source, family: family, subject: item.subject, sequence: item.sequence + 1)
  }

  /// A subject that cannot be taken in holds up no other: its events are dead letters, to be tried again by hand. The
  /// place in its order is passed, or whatever follows would wait for it.
  private func park(_ item: SnapshotItem, _ error: any Error) async throws {
    try await consumer.database.write { transaction in
      let parked = ParkedEventStore(transaction, consumer: consumer.name)
      let events = events(of: item, at: try transaction.now)
      for event in events where consumer.intake.handlers[event.type] != nil {
        try parked.park(
          event.message, event, .dead, attempts: 1, error: "\(error)", nextAttemptAt: try transaction.now)
      }
      guard consumer.intake.order == .bySubject, item.sequence > 0, let first = events.first else { return }
      try InboxStore(transaction, consumer: consumer.name).setPosition(
        item.sequence, source: first.source, family: first.family, subject: item.subject)
      try parked.promote(
        source: first.source, family: first.family, subject: item.subject, sequence: item.sequence + 1)
    }
    consumer.logger.error(
      "a subject of the past was not taken in; its events are dead letters",
      metadata: ["consumer": "\(consumer.name)", "subject": "\(item.subject)", "error.message": "\(error)"])
  }
}

extension UUID {
  /// The same for the same text, in every process (FNV-1a, twice): a name, not a secret.
  init(hashing text: String) {
    func hash(_ seed: UInt64) -> UInt64 {
      text.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
    let (high, low) = (hash(0xCBF2_9CE4_8422_2325), hash(0x9E37_79B9_7F4A_7C15))
    func byte(_ value: UInt64, _ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * index)) }
    // Version 8: whatever an application makes of it (RFC 9562 §5.8).
    self.init(
      uuid: (
        byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5),
        byte(high, 6) & 0x0F | 0x80, byte(high, 7), byte(low, 0) & 0x3F | 0x80, byte(low, 1), byte(low, 2),
        byte(low, 3), byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
      ))
  }
}
