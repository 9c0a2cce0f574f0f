import Foundation
import GravityData

/// A message as the database's notifications carry it to feeds.
struct FeedNotification {
  static let channel = "feed"
  /// PostgreSQL carries less than 8 000 bytes.
  private static let greatest = 7_900

  private let type: String
  private let message: EventMessage?

  /// A message that is too large is announced by its type only.
  static func send(_ message: EventMessage, in transaction: any Transaction) throws {
    let head = "\(message.type) \(message.id.uuidString) "
    let body = Data(message.body).base64EncodedString()
    try transaction.notify(channel, head.utf8.count + body.utf8.count <= greatest ? head + body : message.type)
  }

  /// nil for the empty payload that stands for whatever was missed.
  init?(_ payload: String) {
    let parts = payload.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard let first = parts.first, !first.isEmpty else { return nil }
    type = String(first)
    guard parts.count == 3, let id = UUID(uuidString: String(parts[1])),
      let body = Data(base64Encoded: String(parts[2]))
    else {
      message = nil
      return
    }
    message = EventMessage(id: id, type: type, body: Array(body))
  }

  /// nil when it is of no interest to a reader of `patterns`.
  func item(for patterns: [String]) -> EventFeedItem? {
    guard patterns.contains(where: { EventQueue.matches(type, $0) }) else { return nil }
    return message.map(EventFeedItem.message) ?? .began
  }
}
