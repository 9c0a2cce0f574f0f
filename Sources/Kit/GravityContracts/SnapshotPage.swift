import Foundation

/// What a service's past comes to, for a consumer that was not there: the state of some subjects, told as the events
/// that would lead to it.
///
/// Each service that publishes serves it at an endpoint for services.
public struct SnapshotPage: Codable, Sendable {
  public var items: [SnapshotItem]
  /// nil on the last page.
  public var nextCursor: Cursor?

  public init(items: [SnapshotItem], nextCursor: Cursor?) {
    self.items = items
    self.nextCursor = nextCursor
  }

  enum CodingKeys: String, CodingKey {
    case items
    case nextCursor = "next_cursor"
  }
}

/// One subject as it stands.
public struct SnapshotItem: Codable, Sendable, Hashable {
  public var subject: String
  /// The number of the subject's last event that is in the state; 0 when it has had none.
  public var sequence: Int64
  public var events: [SnapshotEvent]

  public init(subject: String, sequence: Int64, events: [SnapshotEvent]) {
    self.subject = subject
    self.sequence = sequence
    self.events = events
  }
}

public struct SnapshotEvent: Codable, Sendable, Hashable {
  /// `user.registered.v1`.
  public var type: String
  /// The payload's JSON text.
  public var data: String

  /// - Throws: `EncodingError`.
  public init<Payload>(_ type: EventType<Payload>, _ payload: Payload) throws {
    self.type = type.name
    data = String(decoding: try WireFormat.makeEncoder().encode(payload), as: UTF8.self)
  }
}

/// Which page of a snapshot to give.
public struct SnapshotQuery: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?

  public init(limit: Int? = nil, cursor: Cursor? = nil) {
    self.limit = limit
    self.cursor = cursor
  }
}
