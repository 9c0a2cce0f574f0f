public import Foundation
public import GravityContracts
public import GravityData
import GravityTelemetry
import ServiceContextModule

/// The sagas of a service, in the service's own database: starts them in the transaction of the change that wants them,
/// tells them what happened, cancels and shows them.
///
/// A service makes one and gives it to its ``SagaRunner``, so that what is started here runs here at once.
public struct SagaStore: Sendable {
  /// 64 KiB of JSON.
  public static let greatestState = 64 << 10
  /// 16 KiB of JSON.
  public static let greatestPayload = 16 << 10
  /// How many signals one saga takes in all, duplicates not counted.
  public static let greatestSignalCount = 100
  /// How long ended sagas are kept.
  public static let retention = Duration.seconds(30 * 86_400)

  /// Where runners hear of what is to be done: `id owner` of a saga that was started, `id` of one that is due. An empty
  /// text stands for whatever was missed.
  static let arrivals = "gravity_sagas"
  /// Where those who wait hear the id of a saga that has ended.
  static let ends = "gravity_saga_ends"

  let database: any Database
  let hub: SagaHub
  let clock: SagaClock

  public init(_ database: any Database) { self.init(database, clock: .database) }

  init(_ database: any Database, clock: SagaClock) {
    self.database = database
    self.clock = clock
    hub = SagaHub()
  }

  /// Starts a saga; it runs when `transaction` is committed, continuing the trace and the request that it was started in.
  ///
  /// - Parameters:
  ///   - id: chosen by the caller: the same again starts nothing.
  ///   - subject: what it is about, mostly an id; 1 to 200 bytes, no personal data.
  /// - Returns: false when there is one of that id already.
  /// - Throws: ``SagaError``, `EncodingError`, `DatabaseError`.
  @discardableResult
  public func start<State>(
    _ saga: Saga<State>, id: UUID, subject: String, state: State, in transaction: any Transaction
  ) throws -> Bool {
    guard (1...200).contains(subject.utf8.count), !subject.utf8.contains(0) else { throw SagaError.subject }
    let data = try SagaData.encode(state)
    let now = try clock.now(transaction)
    let owner = hub.owner(for: saga.name)
    let first = saga.steps[0]
    let context = ServiceContext.current
    // An owner begins at once: the attempt that it makes then is written here already.
    let inserted = try transaction.execute(
      """
      INSERT INTO gravity_sagas (
        id, name, subject, state, kind, step, done, data, owner, version, attempt, began_at, failures, patient_since,
        in_doubt, past_pivot, signals, run_at, entries, traceparent, request_id, started_at, updated_at)
      VALUES (
        \(id), \(saga.name), \(subject), 'running', 'action', \(first.name), '', \(data), \(owner), 1,
        \(owner == nil ? 0 : 1), \(owner == nil ? nil : now), 0, \(owner == nil ? nil : now), \(false),
        \(owner != nil && first.isPivot), 0, \(now), 0, \(context?.trace?.traceparent),
        \(context?.requestID?.bounded(to: 200)), \(now), \(now))
      ON CONFLICT (id) DO NOTHING
      """)
    guard inserted == 1 else {
      let name: String? = try transaction.scalar("SELECT name FROM gravity_sagas WHERE id = \(id)")
      guard let name else { throw DatabaseError(.serialization, "the saga with that id is not visible yet") }
      if name != saga.name { throw SagaError.idTaken }
      return false
    }
    try transaction.notify(Self.arrivals, owner.map { "\(id.lowercased) \($0)" } ?? id.lowercased)
    return true
  }

  /// Asks that a saga be undone. It takes effect at the next step boundary; also while it waits.
  @discardableResult
  public func cancel(
    _ id: UUID, _ refusal: SagaRefusal, in transaction: any Transaction
  ) throws -> SagaCancellation {
    let now = try clock.now(transaction)
    let asked = try transaction.rows(
      """
      UPDATE gravity_sagas SET cancel_code = \(refusal.code), cancel_detail = \(refusal.detail),
        run_at = CASE WHEN owner IS NULL THEN \(now) ELSE run_at END, updated_at = \(now)
      WHERE id = \(id) AND ended_at IS NULL AND kind = 'action' AND NOT past_pivot AND cancel_code IS NULL
      RETURNING owner
      """)
    if let row = asked.first {
      if try row.get("owner", as: String?.self) == nil { try transaction.notify(Self.arrivals, id.lowercased) }
      return .accepted
    }
    let found = try transaction.rows(
      "SELECT state, kind, past_pivot, cancel_code FROM gravity_sagas WHERE id = \(id)")
    guard let row = found.first else { return .notFound }
    let state: SagaState = try row.get("state", as: Stored<SagaState>.self).value
    switch state {
    case .completed: return .tooLate
    case .compensated: return .alreadyCanceled
    default:
      if try row.get("kind", as: String.self) == SagaStepKind.compensation.rawValue { return .alreadyCanceled }
      return try row.get("cancel_code", as: String?.self) == nil ? .tooLate : .alreadyCanceled
    }
  }

  /// Tells a saga that something happened. It is kept until the saga waits for it; a saga that waits goes on at once.
  ///
  /// The same event with the same payload counts once. Of several that differ the saga is given the oldest first.
  ///
  /// - Parameters:
  ///   - event: 1 to 100 bytes.
  ///   - payload: at most ``greatestPayload``.
  /// - Throws: ``SagaError``, `EncodingError`, `DatabaseError`.
  @discardableResult
  public func signal(
    _ id: UUID, event: String, payload: JSONValue = .null, in transaction: any Transaction
  ) throws -> SagaSignalReceipt {
    guard (1...100).contains(event.utf8.count), !event.utf8.contains(0) else { throw SagaError.event }
    let text = try SagaData.encodePayload(payload)
    let now = try clock.now(transaction)
    // The row is changed, not only locked: whoever decides at the same time that the saga has to wait is asked to
    // decide again.
    let found = try transaction.rows(
      """
      UPDATE gravity_sagas SET signals = signals + 1,
        run_at = CASE WHEN state = 'waiting' AND awaiting = \(event) THEN \(now) ELSE run_at END
      WHERE id = \(id) AND ended_at IS NULL RETURNING signals, state, awaiting
      """)
    guard let row = found.first else {
      let exists = try !transaction.rows("SELECT 1 FROM gravity_sagas WHERE id = \(id)").isEmpty
      return exists ? .ended : .notFound
    }
    let number: Int = try row.get("signals")
    let isKnown = try !transaction.rows(
      "SELECT 1 FROM gravity_saga_signals WHERE saga = \(id) AND event = \(event) AND payload = \(text)"
    ).isEmpty
    if isKnown || number > Self.greatestSignalCount {
      try transaction.execute("UPDATE gravity_sagas SET signals = signals - 1 WHERE id = \(id)")
      return isKnown ? .duplicate : .full
    }
    try transaction.execute(
      """
      INSERT INTO gravity_saga_signals (saga, number, event, payload, is_consumed, received_at)
      VALUES (\(id), \(number), \(event), \(text), \(false), \(now))
      """)
    let state = try row.get("state", as: String.self)
    if state == SagaState.waiting.rawValue, try row.get("awaiting", as: String?.self) == event {
      try transaction.notify(Self.arrivals, id.lowercased)
    }
    return .accepted
  }

  /// Lets a parked saga go on at once, with all its patience.
  ///
  /// - Returns: false when it is not parked.
  @discardableResult
  public func retry(_ id: UUID) async throws -> Bool {
    try await database.write { try retry(id, in: $0) }
  }

  /// The same in the caller's transaction.
  @discardableResult
  public func retry(_ id: UUID, in transaction: any Transaction) throws -> Bool {
    let now = try clock.now(transaction)
    let changed = try transaction.execute(
      """
      UPDATE gravity_sagas SET state = CASE WHEN kind = 'compensation' THEN 'compensating' ELSE 'running' END,
        run_at = \(now), failures = 0, patient_since = NULL, updated_at = \(now)
      WHERE id = \(id) AND state = 'parked' AND owner IS NULL
      """)
    if changed == 1 { try transaction.notify(Self.arrivals, id.lowercased) }
    return changed == 1
  }
}

/// What became of a wish to cancel.
public enum SagaCancellation: Sendable, Hashable {
  /// It will be undone.
  case accepted
  /// It is being undone or will be, or has been.
  case alreadyCanceled
  /// The pivot was attempted, or the saga is completed: it goes forward only.
  case tooLate
  case notFound
}

/// What became of a signal.
public enum SagaSignalReceipt: Sendable, Hashable {
  case accepted
  /// The saga has had the same event with the same payload.
  case duplicate
  /// The saga has had ``SagaStore/greatestSignalCount``; this one is dropped.
  case full
  /// The saga has ended.
  case ended
  case notFound
}

/// Why a saga or a signal is not taken.
public enum SagaError: Error, Sendable, Hashable, CustomStringConvertible {
  case subject
  case event
  /// Bytes.
  case stateTooLarge(Int)
  /// Bytes.
  case payloadTooLarge(Int)
  /// There is a saga of another kind with that id.
  case idTaken

  public var description: String {
    switch self {
    case .subject: "a saga's subject has 1 to 200 bytes and no NUL"
    case .event: "an event's name has 1 to 100 bytes and no NUL"
    case .stateTooLarge(let size): "a saga's state has \(size) bytes; \(SagaStore.greatestState) is the most"
    case .payloadTooLarge(let size): "a signal has \(size) bytes; \(SagaStore.greatestPayload) is the most"
    case .idTaken: "there is a saga of another kind with that id"
    }
  }
}
