public import Foundation

/// An event as it is kept and sent: CloudEvents 1.0 in the JSON format, with the extensions `sequence` and
/// `traceparent` (CloudEvents' own: Sequence, Distributed Tracing).
public struct CloudEvent: Sendable, Hashable {
  /// Unique, and the same in every copy and every replay.
  public var id: UUID
  /// The service that it happened in: `/auth`.
  public var source: String
  /// `user.registered.v1`.
  public var type: String
  /// What it is about, mostly a UUID: at most 200 bytes. nil when it is about nothing that has an id.
  public var subject: String?
  /// When it happened, by the database's clock.
  public var time: Date
  /// 1, 2, 3, … for each event of one family about one subject, without a gap; 0 without a subject.
  public var sequence: Int64
  /// The trace in which it happened.
  public var traceparent: String?
  /// A JSON value.
  public var data: [UInt8]

  public init(
    id: UUID, source: String, type: String, subject: String?, time: Date, sequence: Int64, traceparent: String?,
    data: [UInt8]
  ) {
    self.id = id
    self.source = source
    self.type = type
    self.subject = subject
    self.time = time
    self.sequence = sequence
    self.traceparent = traceparent
    self.data = data
  }

  public var family: String { String(type.prefix { $0 != "." }) }
}
