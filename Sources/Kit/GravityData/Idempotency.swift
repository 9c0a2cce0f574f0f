import Foundation

/// The outcome of a write that takes effect once, however often it is asked for.
public struct Once<Value: Sendable>: Sendable {
  public let value: Value
  /// Whether the value is that of an earlier call under the same key, and nothing was done now.
  public let isReplay: Bool

  public init(_ value: Value, isReplay: Bool) {
    self.value = value
    self.isReplay = isReplay
  }
}

/// The table behind ``Database/write(once:_:)``.
public enum Idempotency {
  /// How long a key is kept at least.
  public static let retention = Duration.seconds(24 * 60 * 60)

  /// To be part of a service's first migration.
  public static let migrationStatements: [SQL] = [
    .table(
      "idempotency_keys",
      """
      scope \(type: .text) NOT NULL, key \(type: .text) NOT NULL, fingerprint \(type: .bytea) NOT NULL,
      result \(type: .text) NOT NULL, created_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (scope, key)
      """),
    "CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)",
  ]
}

extension Database {
  /// Runs `body` at most once under that key; its value is kept in the same transaction and returned to every repeat.
  ///
  /// Without a key it is a plain write. A body that throws leaves nothing, so that the client may try again. Keys are
  /// kept for ``Idempotency/retention`` at least.
  ///
  /// - Parameter name: What the transaction is ordered by, see ``Transaction/order(by:)``; nil is serializable.
  /// - Throws: ``IdempotencyRefusal``, what `body` threw, ``DatabaseError``; `EncodingError` or `DecodingError` when
  ///   the value cannot be kept as JSON.
  @discardableResult
  public func write<Value: Codable & Sendable>(
    once key: IdempotencyKey?, orderedBy name: String? = nil,
    _ body: @escaping @Sendable (any Transaction) throws -> Value
  ) async throws -> Once<Value> {
    guard let key else {
      let value = try await write { transaction in
        if let name { try transaction.order(by: name) }
        return try body(transaction)
      }
      return Once(value, isReplay: false)
    }
    return try await write { transaction in
      if let name { try transaction.order(by: name) }
      guard try transaction.tryLock("idempotency \(key.scope) \(key.key)") else { throw IdempotencyRefusal.inProgress }
      if let record: KeyRecord = try transaction.first(
        "SELECT fingerprint, result FROM idempotency_keys WHERE scope = \(key.scope) AND key = \(key.key)")
      {
        guard record.fingerprint == key.fingerprint else { throw IdempotencyRefusal.mismatch }
        return Once(try JSONDecoder().decode(Value.self, from: Data(record.result.utf8)), isReplay: true)
      }
      let value = try body(transaction)
      // As text: JSON of the database's own would not take every string, and this is read by nobody but us.
      let result = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
      // The conflict clause is for PostgreSQL: when the first call committed between a serializable transaction's
      // snapshot and its lock, it asks for a retry, which then finds the record. One that is ordered reads the record
      // after it has the lock, and has seen it.
      try transaction.execute(
        """
        INSERT INTO idempotency_keys (scope, key, fingerprint, result, created_at)
        VALUES (\(key.scope), \(key.key), \(key.fingerprint), \(result), \(try transaction.now))
        ON CONFLICT (scope, key) DO NOTHING
        """)
      return Once(value, isReplay: false)
    }
  }

  /// What an earlier call under the key returned, for logic that has to ask elsewhere before it writes: a repeat is
  /// answered without asking. ``write(once:_:)`` still decides.
  ///
  /// - Returns: nil when there is nothing yet.
  /// - Throws: ``IdempotencyRefusal/mismatch``, ``DatabaseError``, `DecodingError`.
  public func recorded<Value: Codable & Sendable>(
    under key: IdempotencyKey?, as type: Value.Type = Value.self
  ) async throws -> Once<Value>? {
    guard let key else { return nil }
    guard
      let record: KeyRecord = try await first(
        "SELECT fingerprint, result FROM idempotency_keys WHERE scope = \(key.scope) AND key = \(key.key)")
    else { return nil }
    guard record.fingerprint == key.fingerprint else { throw IdempotencyRefusal.mismatch }
    return Once(try JSONDecoder().decode(Value.self, from: Data(record.result.utf8)), isReplay: true)
  }

  /// Deletes some of the keys that are old enough; call it again until it returns less than `limit`.
  ///
  /// - Parameters:
  ///   - age: by the database's clock; less than ``Idempotency/retention`` counts as that.
  ///   - limit: how many at most, so that the transaction stays short.
  /// - Returns: how many were deleted.
  @discardableResult
  public func expireIdempotencyKeys(olderThan age: Duration = Idempotency.retention, limit: Int = 500) async throws
    -> Int
  {
    try await write { transaction in
      let seconds = Double(max(age, Idempotency.retention).components.seconds)
      let end = try transaction.now.addingTimeInterval(-seconds)
      return try transaction.execute(
        """
        DELETE FROM idempotency_keys WHERE (scope, key) IN (
          SELECT scope, key FROM idempotency_keys WHERE created_at < \(end) ORDER BY created_at LIMIT \(limit))
        """)
    }
  }
}

private struct KeyRecord: SQLRecord {
  let fingerprint: [UInt8]
  let result: String

  init(_ row: SQLRow) throws {
    fingerprint = try row.get("fingerprint")
    result = try row.get("result")
  }
}
