import Foundation
import GravityData
import GravityIdentity

/// The tables `revocations` and `revocation_sequence`; knows no other.
struct RevocationStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// To be called first in a transaction that will certainly revoke: those wait for each other here, instead of being
  /// asked to retry when they count up the sequence.
  func expectToRevoke() throws { try transaction.lock("auth revocations") }

  /// Numbers are given out under the row's lock, so they become visible in their order and a reader that goes by them
  /// misses none.
  func insert(_ revocations: [Revocation]) throws {
    guard !revocations.isEmpty else { return }
    let last: Int64 =
      try transaction.scalar(
        """
        UPDATE revocation_sequence SET last = last + \(revocations.count) WHERE id = 1 RETURNING last
        """) ?? 0
    for (index, revocation) in revocations.enumerated() {
      let sequence = last - Int64(revocations.count - index - 1)
      let (kind, target, epoch) = Self.columns(of: revocation.target)
      try transaction.execute(
        """
        INSERT INTO revocations (sequence, kind, target, epoch, expires_at)
        VALUES (\(sequence), \(kind), \(target), \(epoch), \(revocation.expiresAt))
        """)
    }
    try transaction.notify(Self.channel, "")
  }

  static let channel = "auth_revocations"

  /// Those that live, after `sequence`, in order.
  func after(_ sequence: Int64, limit: Int, now: Date) throws -> [(sequence: Int64, revocation: Revocation)] {
    try transaction.rows(
      """
      SELECT sequence, kind, target, epoch, expires_at FROM revocations
      WHERE sequence > \(sequence) AND expires_at > \(now) ORDER BY sequence LIMIT \(limit)
      """
    ).map { row in (try row.get("sequence"), try Self.revocation(row)) }
  }

  func last() throws -> Int64 { try transaction.scalar("SELECT last FROM revocation_sequence WHERE id = 1") ?? 0 }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM revocations WHERE sequence IN (
        SELECT sequence FROM revocations WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }

  private static func columns(of target: Revocation.Target) -> (kind: String, target: String, epoch: Int64?) {
    switch target {
    case .token(let id): ("token", id, nil)
    case .session(let id): ("session", id, nil)
    case .subject(let id, let epoch): ("subject", id, epoch)
    }
  }

  private static func revocation(_ row: SQLRow) throws -> Revocation {
    let target: String = try row.get("target")
    let expiresAt: Date = try row.get("expires_at")
    return switch try row.get("kind", as: String.self) {
    case "token": Revocation(.token(target), expiresAt: expiresAt)
    case "session": Revocation(.session(target), expiresAt: expiresAt)
    default: Revocation(.subject(target, epoch: try row.get("epoch")), expiresAt: expiresAt)
    }
  }
}
