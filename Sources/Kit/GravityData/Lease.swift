public import Foundation

/// The right to do something alone for a while, with a number that tells a late holder from the present one.
///
/// A holder that is paused, or cut off from the database, does not know that its lease has run out. So the lease is
/// no promise to its holder; ``check(in:)`` is: what is written in a transaction that checked it was written while
/// nobody else held it, since a successor waits for that transaction's end.
///
/// Times are the database's. The row of a name stays for ever, so that its ``token`` never begins anew.
public struct Lease: Sendable, Hashable {
  public let name: String
  /// Who holds it: unique for each holder *and* each start of it. A host's name would let two processes of one host
  /// both believe.
  public let owner: String
  /// The fencing token: it grows with each change of owner.
  public let token: Int64
  /// By the database's clock.
  public let expiresAt: Date

  /// To be part of a service's migration.
  public static let migrationStatements: [SQL] = [
    .table(
      "leases",
      """
      name \(type: .text) PRIMARY KEY, owner \(type: .text) NOT NULL, token \(type: .bigint) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL
      """)
  ]

  /// Where ``release(in:)`` tells the name of what is free now.
  public static let channel = "gravity_leases"

  /// Takes the lease if nobody holds it. Who holds it already gets it again with the same token, so that a call whose
  /// commit is unknown can be repeated.
  ///
  /// - Parameters:
  ///   - name: 1 to 200 bytes.
  ///   - owner: 1 to 200 bytes; see ``owner``.
  ///   - duration: 1 ms to 1 day; others count as these.
  /// - Returns: nil when another owner holds it.
  /// - Throws: ``DatabaseError``.
  public static func acquire(
    _ name: String, owner: String, for duration: Duration, in database: any Database
  ) async throws -> Lease? {
    guard (1...200).contains(name.utf8.count), (1...200).contains(owner.utf8.count) else {
      throw DatabaseError(.value, "a lease's name and owner have 1 to 200 bytes")
    }
    return try await database.write { transaction in
      let now = try transaction.now
      let end = now.addingTimeInterval(bounded(duration))
      let token: Int64? = try transaction.scalar(
        """
        INSERT INTO leases (name, owner, token, expires_at) VALUES (\(name), \(owner), 1, \(end))
        ON CONFLICT (name) DO UPDATE SET
          token = leases.token + CASE WHEN leases.owner = \(owner) AND leases.expires_at > \(now) THEN 0 ELSE 1 END,
          owner = excluded.owner, expires_at = excluded.expires_at
        WHERE leases.expires_at <= \(now) OR leases.owner = \(owner)
        RETURNING token
        """)
      return token.map { Lease(name: name, owner: owner, token: $0, expiresAt: end) }
    }
  }

  /// Holds it for `duration` from now on.
  ///
  /// - Throws: ``LeaseLost`` when it has run out, also when nobody took it since: acquire it again, for a new token.
  ///   ``DatabaseError``: then the lease still ends at ``expiresAt``.
  public func renew(for duration: Duration, in database: any Database) async throws -> Lease {
    try await database.write { transaction in
      let now = try transaction.now
      let end = now.addingTimeInterval(Self.bounded(duration))
      let changed = try transaction.execute(
        """
        UPDATE leases SET expires_at = \(end)
        WHERE name = \(name) AND owner = \(owner) AND token = \(token) AND expires_at > \(now)
        """)
      guard changed == 1 else { throw LeaseLost(name: name, token: token) }
      return Lease(name: name, owner: owner, token: token, expiresAt: end)
    }
  }

  /// Gives it up, if it is still held, and tells those who wait for it.
  /// - Throws: ``DatabaseError``.
  public func release(in database: any Database) async throws {
    try await database.write { transaction in
      let changed = try transaction.execute(
        """
        UPDATE leases SET expires_at = \(try transaction.now)
        WHERE name = \(name) AND owner = \(owner) AND token = \(token) AND expires_at > \(try transaction.now)
        """)
      if changed == 1 { try transaction.notify(Self.channel, name) }
    }
  }

  /// Makes sure that everything in this transaction is written while the lease is held.
  ///
  /// - Throws: ``LeaseLost``; ``DatabaseError``.
  public func check(in transaction: any Transaction) throws {
    // The shared lock keeps a successor waiting until this transaction has ended; where there is one writer, it waits
    // anyway.
    let found = try transaction.rows(
      """
      SELECT 1 FROM leases
      WHERE name = \(name) AND owner = \(owner) AND token = \(token) AND expires_at > \(try transaction.now)
      """ + .only(.postgresql, " FOR SHARE"))
    if found.isEmpty { throw LeaseLost(name: name, token: token) }
  }

  private static func bounded(_ duration: Duration) -> TimeInterval {
    let parts = min(max(duration, .milliseconds(1)), .seconds(86_400)).components
    return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
  }
}

/// A lease ran out, and may have gone to another.
public struct LeaseLost: Error, Sendable, Hashable, CustomStringConvertible {
  public let name: String
  public let token: Int64
  public var description: String { "the lease \(name) (token \(token)) is lost" }
}
