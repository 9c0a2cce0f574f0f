import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging
import Synchronization

/// The blacklist: auth_db is its truth; the token store and this process's list are told after the commit.
final class Revocations: Sendable {
  private let core: AuthCore
  private let store: any TokenStore
  private let list: RevocationList
  /// Up to which entry of auth_db the list is known to be complete.
  private let followed = Mutex<Int64>(0)

  init(core: AuthCore, store: any TokenStore, list: RevocationList) {
    self.core = core
    self.store = store
    self.list = list
  }

  // MARK: What to revoke

  /// One token, until it has expired by every clock.
  func token(_ id: String, expiresAt: Date) -> Revocation {
    Revocation(.token(id), expiresAt: (expiresAt + 2 * JWTVerifier.leeway).roundedToMicroseconds)
  }

  func session(_ id: UUID, now: Date) -> Revocation {
    let lifetime = core.configuration.accessTokenLifetime + 2 * JWTVerifier.leeway
    return Revocation(.session(id.lowercased), expiresAt: (now + lifetime).roundedToMicroseconds)
  }

  func subject(_ id: UUID, epoch: Int64, now: Date) -> Revocation {
    let lifetime = core.configuration.longestTokenLifetime + 2 * JWTVerifier.leeway
    return Revocation(.subject(id.lowercased, epoch: epoch), expiresAt: (now + lifetime).roundedToMicroseconds)
  }

  // MARK: After the commit

  /// Makes entries that are committed count, in this process at once.
  func apply(_ revocations: [Revocation]) async {
    do { try await tell(revocations) } catch {
      // They are in auth_db, and the next turn of `follow()` reads them from there.
      core.logger.error("the token store did not take revocations", metadata: ["error.message": "\(error)"])
    }
  }

  /// The list first: it cannot fail.
  private func tell(_ revocations: [Revocation]) async throws {
    guard !revocations.isEmpty else { return }
    list.insert(revocations, now: core.clock.now())
    try await store.revoke(revocations)
  }

  /// Revokes one token and nothing else.
  func revoke(token id: String, expiresAt: Date) async throws {
    let revocation = token(id, expiresAt: expiresAt)
    try await core.write { [core] transaction, _ in
      try RevocationStore(transaction).expectToRevoke()
      try RevocationStore(transaction).insert([revocation])
      try core.events.record(.tokenRevoked(token: id), in: transaction)
    }
    await apply([revocation])
  }

  // MARK: Following other instances

  /// Fills the token store and the list from auth_db. To be done before the service is ready.
  func seed() async throws {
    let asked = ContinuousClock.now
    var (sequence, all) = (Int64(0), [Revocation]())
    while true {
      let page = try await feed(after: sequence)
      all += page.revocations
      sequence = page.next
      if page.isComplete { break }
    }
    list.insert(all, now: core.clock.now())
    try await store.seed(all)
    list.markComplete(asked: asked)
    followed.withLock { [sequence] in $0 = max($0, sequence) }
  }

  /// Reads what was revoked since the last time, here or by other instances, and seeds a store that lost its contents.
  ///
  /// - Throws: what the store throws; then the same entries are read again the next time.
  func follow() async throws {
    guard try await store.isSeeded() else { return try await seed() }
    while true {
      let asked = ContinuousClock.now
      let page = try await feed(after: followed.withLock { $0 })
      try await tell(page.revocations)
      followed.withLock { $0 = max($0, page.next) }
      guard page.isComplete else { continue }
      return list.markComplete(asked: asked)
    }
  }

  struct Page: Sendable {
    var revocations: [Revocation]
    var next: Int64
    var isComplete: Bool
  }

  static let pageSize = 1000

  func feed(after sequence: Int64) async throws -> Page {
    try await core.read { transaction, now in
      let store = RevocationStore(transaction)
      let found = try store.after(sequence, limit: Self.pageSize, now: now)
      let isComplete = found.count < Self.pageSize
      // At the end, the expired ones among the last numbers need not be asked for again.
      let next = isComplete ? try max(sequence, store.last()) : found[found.count - 1].sequence
      return Page(revocations: found.map(\.revocation), next: next, isComplete: isComplete)
    }
  }
}

extension RevocationFeed {
  init(_ page: Revocations.Page) {
    self.init(items: page.revocations.map(RevocationEntry.init), next: page.next, complete: page.isComplete)
  }
}

extension RevocationEntry {
  init(_ revocation: Revocation) {
    switch revocation.target {
    case .token(let id): self.init(token: id, expiresAt: revocation.expiresAt)
    case .session(let id): self.init(session: id, expiresAt: revocation.expiresAt)
    case .subject(let id, let epoch): self.init(subject: id, epoch: epoch, expiresAt: revocation.expiresAt)
    }
  }
}
