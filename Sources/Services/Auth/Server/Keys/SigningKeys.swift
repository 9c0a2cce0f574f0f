import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging
import Synchronization

/// The keys that tokens are signed with: `next → active → retired`. A key is published before it signs and for as long
/// as a token that it signed may live. Three instances may do all this at once: whoever has the lock does it.
final class SigningKeys: Sendable {
  private struct Loaded {
    var signer: TokenSigner
    var loadedAt: Date
  }
  private let core: AuthCore
  private let envelope: Envelope
  private let loaded = Mutex<Loaded?>(nil)
  /// The keys as verifiers in this process see them.
  let source: FetchedKeySource

  /// Seconds after which the active key is looked up again, so that an instance follows a rotation of another.
  private static let reloadInterval: TimeInterval = 30

  init(core: AuthCore, envelope: Envelope) {
    self.core = core
    self.envelope = envelope
    source = FetchedKeySource(minimumInterval: 1, maximumAge: 60, now: core.clock.now) {
      try JSONEncoder().encode(JSONWebKeySet(keys: try await Self.rows(core).map(\.publicKey)))
    }
  }

  /// Makes the first keys, and rotates when the active one is old enough. Cheap when there is nothing to do.
  func maintain() async throws {
    let draft = try [Draft(envelope), Draft(envelope)]
    let rotated = try await core.write { [core] transaction, now in
      let store = SigningKeyStore(transaction)
      try store.lock()
      return try Self.step(store, at: now, drafts: draft, isForced: false, core: core, transaction)
    }
    if rotated { await forget() }
  }

  /// Makes `next` sign now, whatever the age of the active key. For the operator, when a key may be known to others.
  func rotate() async throws {
    let draft = try [Draft(envelope), Draft(envelope)]
    _ = try await core.write { [core] transaction, now in
      let store = SigningKeyStore(transaction)
      try store.lock()
      return try Self.step(store, at: now, drafts: draft, isForced: true, core: core, transaction)
    }
    await forget()
  }

  /// The signer of the active key.
  func signer() async throws -> TokenSigner {
    let now = core.clock.now()
    if let loaded = loaded.withLock({ $0 }), now.timeIntervalSince(loaded.loadedAt) < Self.reloadInterval {
      return loaded.signer
    }
    guard let row = try await Self.rows(core).last(where: { $0.status == .active }) else {
      throw Problem(503, "not_ready", "There is no signing key yet", retryAfter: 1)
    }
    let key = try P256.Signing.PrivateKey(
      rawRepresentation: envelope.open(row.privateKey, context: Draft.context(row.id)))
    let signer = try await TokenSigner(key)
    loaded.withLock { $0 = Loaded(signer: signer, loadedAt: now) }
    return signer
  }

  /// What `/.well-known/jwks.json` answers.
  func published() async throws -> KeySet {
    KeySet(
      keys: try await Self.rows(core).map { row in
        let key = row.publicKey
        return .init(
          kty: key.keyType, crv: key.curve, x: key.x, y: key.y, kid: key.keyID, use: key.use ?? "sig",
          alg: key.algorithm ?? "ES256")
      })
  }

  private static func rows(_ core: AuthCore) async throws -> [SigningKeyRow] {
    try await core.read { transaction, _ in try SigningKeyStore(transaction).all() }
  }

  private func forget() async {
    loaded.withLock { $0 = nil }
    await source.reload()
  }

  /// A key that may be needed; made outside the transaction, which may run again.
  private struct Draft: Sendable {
    let publicKey: JSONWebKey
    let sealed: [UInt8]

    init(_ envelope: Envelope) throws {
      let key = P256.Signing.PrivateKey()
      publicKey = JSONWebKey(key.publicKey)
      sealed = try envelope.seal(key.rawRepresentation, context: Self.context(publicKey.keyID))
    }
    static func context(_ id: String) -> String { "signing_keys/\(id)" }

    func row(_ status: SigningKeyRow.Status, at time: Date) -> SigningKeyRow {
      SigningKeyRow(id: publicKey.keyID, status: status, publicKey: publicKey, privateKey: sealed, createdAt: time)
    }
  }

  /// - Returns: whether a key changed its status.
  private static func step(
    _ store: SigningKeyStore, at now: Date, drafts: [Draft], isForced: Bool, core: AuthCore,
    _ transaction: any Transaction
  ) throws -> Bool {
    let rows = try store.all()
    var drafts = drafts[...]
    let configuration = core.configuration
    for row in rows {
      let longest = configuration.longestTokenLifetime + 10 * JWTVerifier.leeway + reloadInterval
      if row.status == .retired, let retiredAt = row.retiredAt, retiredAt + longest < now { try store.delete(row.id) }
    }
    let next = rows.first { $0.status == .next }
    guard let active = rows.first(where: { $0.status == .active }) else {
      try store.insert(drafts.removeFirst().row(.active, at: now))
      if next == nil { try store.insert(drafts.removeFirst().row(.next, at: now)) }
      return true
    }
    guard let next else {
      try store.insert(drafts.removeFirst().row(.next, at: now))
      return true
    }
    let isDue = (active.activatedAt ?? active.createdAt) + configuration.signingKeyLifetime <= now
    guard isForced || (isDue && next.createdAt + configuration.signingKeyLead <= now) else { return false }
    var (retired, promoted) = (active, next)
    retired.status = .retired
    retired.retiredAt = now
    promoted.status = .active
    promoted.activatedAt = now
    try store.update(retired)
    try store.update(promoted)
    try store.insert(drafts.removeFirst().row(.next, at: now))
    try core.events.record(.keyRotated(key: promoted.id), in: transaction)
    return true
  }
}
