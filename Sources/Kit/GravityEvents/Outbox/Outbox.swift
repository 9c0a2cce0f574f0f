public import Foundation
public import GravityContracts
public import GravityData
import GravityTelemetry
import ServiceContextModule

/// Takes down what happened in the very transaction that makes it true; ``OutboxRelay`` publishes it afterwards.
///
/// So an event is published exactly when its change was committed, and a broker that is away holds up nobody.
public struct Outbox: Sendable {
  private let source: String
  private let newID: @Sendable () -> UUID

  /// - Parameter service: `auth`; becomes the events' source `/auth`.
  public init(service: String, newID: @escaping @Sendable () -> UUID = { UUID.v7() }) {
    source = "/\(service)"
    self.newID = newID
  }

  /// To be part of a migration of a service that publishes.
  public static let migrationStatements: [SQL] = OutboxStore.migrationStatements

  /// - Parameters:
  ///   - subject: What it is about, mostly an account's or an order's id: 1 to 200 bytes. Events of one family about
  ///     one subject are numbered 1, 2, 3, …; concurrent transactions about one subject wait for one another. nil
  ///     where there is nothing that has an id.
  ///   - payload: Ids, no personal data; its JSON takes at most 60 KiB.
  /// - Throws: `EncodingError`, ``UnfitEvent``, ``DatabaseError``.
  public func append<Payload>(
    _ type: EventType<Payload>, subject: String?, _ payload: Payload, in transaction: any Transaction
  ) throws {
    let data = Array(try WireFormat.makeEncoder().encode(payload))
    guard data.count <= 60 << 10, (subject?.utf8.count ?? 1) <= CloudEvent.greatestField, subject != "",
      subject?.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) ?? true
    else { throw UnfitEvent(type: type.name) }
    let event = CloudEvent(
      id: newID(), source: source, type: type.name, subject: subject, time: try transaction.now, sequence: 0,
      traceparent: ServiceContext.current?.trace?.traceparent, data: data)
    try OutboxStore(transaction).insert(event, of: type.family)
    try transaction.notify(OutboxStore.channel, "")
  }

  /// How many events of the family were recorded about the subject: what a snapshot of it stands at.
  public static func sequence(
    family: String, subject: String, in transaction: any Transaction
  ) throws -> Int64 {
    try OutboxStore(transaction).sequence(family: family, subject: subject)
  }
}

/// An event that is too large to be published, or whose subject is empty, too long or not printable: a mistake in the
/// program.
public struct UnfitEvent: Error, Sendable, CustomStringConvertible {
  public var type: String
  public var description: String {
    "\(type): an event holds ids, at most 60 KiB, about a subject of 1 to 200 printable bytes"
  }
}

extension Outbox {
  /// What waits to be published in a service's database, and what is kept.
  public static func status(of database: any Database) async throws -> OutboxStatus {
    try await database.read { try OutboxStore($0).status() }
  }

  /// Lets kept events be published again; consumers that have handled them do nothing.
  ///
  /// In transactions of 1 000, so that a service goes on meanwhile; an interrupted replay may be called again.
  ///
  /// - Returns: how many events.
  @discardableResult
  public static func replay(_ selection: OutboxSelection, in database: any Database) async throws -> Int {
    var total = 0
    // What this call has released is published again while it runs, so it goes by ids.
    var after: UUID?
    while true {
      let last = after
      let (count, next) = try await database.write { try OutboxStore($0).replay(selection, after: last, limit: 1_000) }
      total += count
      guard let next else { return total }
      after = next
    }
  }
}
