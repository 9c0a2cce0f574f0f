public import Crypto
public import Foundation
import GravityContracts
import JWTKit

/// A key that tokens are verified with.
public struct VerificationKey: Sendable {
  public let keyID: String
  let keys: JWTKeyCollection

  public init(_ key: P256.Signing.PublicKey, keyID: String) async throws {
    self.keyID = keyID
    keys = JWTKeyCollection()
    await keys.add(ecdsa: try ES256PublicKey(backing: key), kid: JWKIdentifier(string: keyID))
  }

  /// The keys of a set that are P-256 signing keys; others are passed over.
  static func all(in set: JSONWebKeySet) async throws -> [String: VerificationKey] {
    var found: [String: VerificationKey] = [:]
    for key in set.keys {
      guard let publicKey = key.publicKey else { continue }
      found[key.keyID] = try await VerificationKey(publicKey, keyID: key.keyID)
    }
    return found
  }
}

/// Where the public keys of an issuer are.
public protocol KeySource: Sendable {
  /// - Returns: nil when the issuer has no such key.
  /// - Throws: ``TokenRefusal/Code/unavailable`` when that cannot be known now.
  func key(for keyID: String) async throws(TokenRefusal) -> VerificationKey?
}

/// Keys that do not change while the process runs.
public struct FixedKeySource: KeySource {
  private let keys: [String: VerificationKey]

  public init(_ set: JSONWebKeySet) async throws { keys = try await VerificationKey.all(in: set) }

  public func key(for keyID: String) async throws(TokenRefusal) -> VerificationKey? { keys[keyID] }
}

/// Keys that are read from where the issuer publishes them, and kept: the last ones read stay good while the issuer is
/// away.
///
/// The source is asked again when a token names a key that is not known, but not more often than ``minimumInterval``,
/// and by one caller at a time, so that tokens with invented key ids cannot cause a stampede.
public final actor FetchedKeySource: KeySource {
  private let fetch: @Sendable () async throws -> Data
  private let minimumInterval: TimeInterval
  private let maximumAge: TimeInterval
  private let now: @Sendable () -> Date

  private var keys: [String: VerificationKey] = [:]
  private var fetchedAt: Date?
  private var attemptedAt: Date?
  private var lastAttemptFailed = false
  private var refreshing: Task<Void, Never>?

  /// - Parameters:
  ///   - minimumInterval: Seconds between two reads.
  ///   - maximumAge: Seconds after which the keys are read again although nobody missed one, so that a withdrawn key
  ///     goes.
  ///   - fetch: Reads a JWK Set document; at most 64 KiB are taken.
  public init(
    minimumInterval: TimeInterval = 5, maximumAge: TimeInterval = 300, now: @escaping @Sendable () -> Date = { Date() },
    fetch: @escaping @Sendable () async throws -> Data
  ) {
    self.fetch = fetch
    self.minimumInterval = minimumInterval
    self.maximumAge = maximumAge
    self.now = now
  }

  public func key(for keyID: String) async throws(TokenRefusal) -> VerificationKey? {
    if let key = keys[keyID], let fetchedAt, now().timeIntervalSince(fetchedAt) < maximumAge { return key }
    if mayAsk || refreshing != nil { await refresh() }
    if let key = keys[keyID] { return key }
    guard fetchedAt != nil, !lastAttemptFailed else {
      throw TokenRefusal(.unavailable, "the issuer's keys cannot be read")
    }
    return nil
  }

  /// Reads the keys now, whatever the interval: for whoever has just changed them.
  public func reload() async {
    await refreshing?.value
    await refresh()
  }

  private var mayAsk: Bool { attemptedAt.map { now().timeIntervalSince($0) >= minimumInterval } ?? true }

  private func refresh() async {
    if let refreshing { return await refreshing.value }
    attemptedAt = now()
    // A task of its own: a caller that goes away does not take the read from the others that wait for it.
    let task = Task { await read() }
    refreshing = task
    await task.value
    refreshing = nil
  }

  private func read() async {
    do {
      let document = try await fetch()
      guard document.count <= 65_536 else { throw TokenRefusal(.unavailable, "the key set is larger than 64 KiB") }
      let read = try await VerificationKey.all(in: JSONWebKeySet(document: document))
      guard !read.isEmpty else { throw TokenRefusal(.unavailable, "the key set has no key for ES256") }
      keys = read
      fetchedAt = now()
      lastAttemptFailed = false
    } catch {
      lastAttemptFailed = true
    }
  }
}
