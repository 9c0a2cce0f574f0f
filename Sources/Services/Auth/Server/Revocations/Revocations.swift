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
  /// Up to which entry of auth_db the list is known to be complete, and what the store was told.
  private let followed = Mutex<(list: Int64, store: Int64)>((0, 0))

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

  /// Seconds for which an access token that was just issued counts somewhere.
  var greatestAge: TimeInterval { core.configuration.accessTokenLifetime + 2 * JWTVerifier.leeway }

  func session(_ id: UUID, now: Date) -> Revocation {
    Revocation(.session(id.lowercased), expiresAt: (now + greatestAge).roundedToMicroseconds)
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

  /// Fills the list and the token store from auth_db. To be done before the service is ready.
  ///
  /// A store that is away is no reason not to start: it is not whole, says so, and ``follow()`` seeds it when it is there.
  func seed() async throws {
    let (all, last) = try await fillList()
    do {
      try await seedStore(all, upTo: last)
    } catch {
      core.logger.warning(
        "the token store is not seeded yet", metadata: ["error.message": "\(error)", "revocations": "\(all.count)"])
    }
  }

  /// - Returns: Everything that lives, and up to which entry that is.
  private func fillList() async throws -> (all: [Revocation], last: Int64) {
    let asked = ContinuousClock.now
    var (sequence, all) = (Int64(0), [Revocation]())
    while true {
      let page = try await feed(after: sequence)
      all += page.revocations
      sequence = page.next
      if page.isComplete { break }
    }
    list.insert(all, now: core.clock.now())
    list.markComplete(asked: asked)
    followed.withLock { [sequence] in $0.list = max($0.list, sequence) }
    return (all, sequence)
  }

  private func seedStore(_ all: [Revocation], upTo last: Int64) async throws {
    try await store.seed(all)
    followed.withLock { $0.store = max($0.store, last) }
    core.logger.info("the token store is seeded", metadata: ["revocations": "\(all.count)"])
  }

  /// Reads what was revoked since the last time, here or by other instances, and seeds a store that lost its contents.
  ///
  /// The list goes first and does not wait for the store: while that is away, this process still knows everything.
  ///
  /// - Throws: what the store throws; then it is told the same entries again the next time.
  func follow() async throws {
    try await followList()
    guard try await store.isSeeded() else {
      let (all, last) = try await fillList()
      return try await seedStore(all, upTo: last)
    }
    while followed.withLock({ $0.store < $0.list }) {
      let page = try await feed(after: followed.withLock { $0.store })
      if !page.revocations.isEmpty { try await store.revoke(page.revocations) }
      followed.withLock { $0.store = max($0.store, page.next) }
    }
  }

  private func followList() async throws {
    while true {
      let asked = ContinuousClock.now
      let page = try await feed(after: followed.withLock { $0.list })
      list.insert(page.revocations, now: core.clock.now())
      followed.withLock { $0.list = max($0.list, page.next) }
      if page.isComplete { return list.markComplete(asked: asked) }
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
