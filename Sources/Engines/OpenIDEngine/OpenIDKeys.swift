public import Foundation
import GravityIdentity
public import Logging

/// The keys of one provider, read again after a while and when a token names one that is not known; the last ones that
/// could be read stay good while it is away.
public final actor OpenIDKeys {
  private let fetch: @Sendable () async throws -> Data
  private let minimumInterval: TimeInterval
  private let maximumAge: TimeInterval
  private let now: @Sendable () -> Date
  private let logger: Logger

  private var keys: OpenIDKeySet?
  private var readAt: Date?
  private var attemptedAt: Date?
  private var failure: String?
  private var reading: Task<Void, Never>?

  /// - Parameters:
  ///   - minimumInterval: Seconds between two reads, so that tokens with invented key ids cannot cause a stampede.
  ///   - maximumAge: Seconds after which the keys are read again although nobody missed one, so that a withdrawn key
  ///     goes.
  ///   - fetch: Reads a JWK Set document; at most 256 KiB are taken.
  public init(
    minimumInterval: TimeInterval = 5, maximumAge: TimeInterval = 300, logger: Logger,
    now: @escaping @Sendable () -> Date = { Date() }, fetch: @escaping @Sendable () async throws -> Data
  ) {
    self.minimumInterval = minimumInterval
    self.maximumAge = maximumAge
    self.logger = logger
    self.now = now
    self.fetch = fetch
  }

  /// Reads them now.
  /// - Throws: ``OpenIDError`` where they cannot be read.
  public func load() async throws(OpenIDError) {
    await read()
    if let failure { throw OpenIDError(failure) }
  }

  /// - Returns: nil when the provider has no such key.
  func key(_ id: String?, _ algorithm: String) async throws(TokenRefusal) -> OpenIDKey? {
    let isFresh = readAt.map { now().timeIntervalSince($0) < maximumAge } ?? false
    if isFresh, let key = keys?.key(id, algorithm) { return key }
    let mayAsk = attemptedAt.map { now().timeIntervalSince($0) >= minimumInterval } ?? true
    if mayAsk || reading != nil { await read() }
    if let key = keys?.key(id, algorithm) { return key }
    guard keys != nil, failure == nil else { throw TokenRefusal(.unavailable, "the provider's keys cannot be read") }
    return nil
  }

  /// The only key for an algorithm where it is another one since `key` was read; nil where it is not, or the provider was
  /// asked a moment ago.
  func another(than key: OpenIDKey, _ algorithm: String) async -> OpenIDKey? {
    let mayAsk = attemptedAt.map { now().timeIntervalSince($0) >= minimumInterval } ?? true
    if mayAsk || reading != nil { await read() }
    guard let other = keys?.key(nil, algorithm), other.keys !== key.keys else { return nil }
    return other
  }

  private func read() async {
    if let reading { return await reading.value }
    attemptedAt = now()
    // A task of its own: a caller that goes away does not take the read from the others that wait for it.
    let task = Task { await readOnce() }
    reading = task
    await task.value
    reading = nil
  }

  private func readOnce() async {
    do {
      let set = try await OpenIDKeySet(document: try await fetch())
      guard !set.isEmpty else { throw OpenIDError("the key set has no key that signatures are verified with") }
      if failure != nil { logger.notice("the provider's keys can be read again") }
      (keys, readAt, failure) = (set, now(), nil)
    } catch {
      let reason = "\(error)"
      if failure != reason {
        logger.warning(
          "the provider's keys cannot be read; the last ones stay good", metadata: ["error.message": "\(reason)"])
      }
      failure = reason
    }
  }
}
