import Foundation
import GravityData
import GravityEvents

/// A channel and who reads from it, a queue's share or a feed. Belongs to the consuming thread.
final class ConsumingChannel {
  enum Reader {
    case queue(QueueShare)
    case feed(FeedBuffer)
  }

  /// A message of which parts are still to come.
  private struct Content {
    var tag: UInt64
    var isRedelivered: Bool
    var type: String
    var consumer: String
    var size = 0
    var id: UUID?
    var body: [UInt8] = []
    var received = 0
  }

  enum Arrival {
    case none
    /// The reader has it, or gets it with ``flush()``.
    case message(isRedelivered: Bool)
    /// No event of ours: it has no id, or is too large.
    case alien(tag: UInt64)
    case gap
  }

  /// The consumer tags: of a share's queue, and of a feed's two.
  static let shareTag = "share"
  static let feedTag = "feed"
  static let gapsTag = "gaps"

  let reader: Reader
  /// Zero while it is not open.
  private(set) var number: UInt16 = 0
  /// When to open it again.
  var retryAt: UInt64 = 0
  var backoff = Backoff.reconnecting
  /// Each time that it opens, the broker counts from 1 again: a tag from before must not settle another message.
  private var generation: UInt64 = 0
  private var unsettled = UnsettledTags()
  private var content: Content?
  private var arrived: [EventDelivery] = []
  private var lastComplaint: String?
  private var openedAt: UInt64 = 0

  init(_ reader: Reader) { self.reader = reader }

  var isOpen: Bool { number != 0 }
  var unsettledCount: Int { unsettled.count }
  /// Whether it has been open for ten seconds.
  var hasLasted: Bool { isOpen && Uptime.now - openedAt > 10_000_000_000 }

  func opened(_ number: UInt16) {
    self.number = number
    generation = (generation + 1) & 0xFFFF
    unsettled = UnsettledTags()
    content = nil
    arrived = []
    openedAt = Uptime.now
    if case .feed(let feed) = reader { feed.append(.began) }
  }

  /// - Returns: the number that is free now.
  @discardableResult
  func wentDown() -> UInt16 {
    guard isOpen else { return 0 }
    defer { number = 0 }
    unsettled = UnsettledTags()
    content = nil
    arrived = []
    switch reader {
    case .queue(let share): share.interrupted()
    case .feed(let feed): feed.append(.interrupted)
    }
    return number
  }

  /// Whether this was not said the last time.
  func isNews(_ complaint: String) -> Bool {
    defer { lastComplaint = complaint }
    return lastComplaint != complaint
  }

  // MARK: - Messages in parts

  func deliver(_ tag: UInt64, isRedelivered: Bool, type: String, consumer: String) {
    content = Content(tag: tag, isRedelivered: isRedelivered, type: type, consumer: consumer)
  }

  func header(_ size: UInt64, _ messageID: String?) -> Arrival {
    content?.size = Int(clamping: size)
    content?.id = messageID.flatMap { UUID(uuidString: $0) }
    return size == 0 ? complete() : .none
  }

  func body(_ fragment: [UInt8]) -> Arrival {
    guard content != nil else { return .none }
    content!.received += fragment.count
    // What is too large is counted, not kept.
    if content!.size <= EventMessage.greatestBody {
      if content!.body.isEmpty { content!.body = fragment } else { content!.body += fragment }
    }
    return content!.received >= content!.size ? complete() : .none
  }

  private func complete() -> Arrival {
    guard let content else { return .none }
    self.content = nil
    if content.consumer == Self.gapsTag {
      if case .feed(let feed) = reader { feed.append(.began) }
      return .gap
    }
    if case .queue = reader { unsettled.append(content.tag) }
    guard let id = content.id, content.size <= EventMessage.greatestBody else { return .alien(tag: content.tag) }
    let message = EventMessage(id: id, type: content.type, body: content.body)
    switch reader {
    case .queue:
      let tag = generation << 48 | content.tag & 0xFFFF_FFFF_FFFF
      arrived.append(EventDelivery(message: message, isRedelivered: content.isRedelivered, tag: tag))
    case .feed(let feed):
      if feed.append(.message(message)) { return .gap }
    }
    return .message(isRedelivered: content.isRedelivered)
  }

  /// Hands over what has come since the last time.
  func flush() {
    guard !arrived.isEmpty, case .queue(let share) = reader else { return }
    share.deliver(arrived)
    arrived = []
  }

  // MARK: - Settling

  /// What to say to the broker, about those that are of this generation and not yet settled.
  func settle(_ tags: [UInt64]) -> [UnsettledTags.Settlement] {
    unsettled.settle(tags.filter { $0 >> 48 == generation }.map { $0 & 0xFFFF_FFFF_FFFF })
  }

  func settleAlien(_ tag: UInt64) { _ = unsettled.settle([tag]) }
}
