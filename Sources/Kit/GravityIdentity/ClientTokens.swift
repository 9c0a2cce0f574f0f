public import Foundation
public import GravityContracts
import Synchronization

/// Tokens that auth issues to a service's own client (RFC 6749 §4.4), kept and renewed ahead of their end.
///
/// A token is used for half its life and renewed while it is still good, by one caller for all: auth may be away for the
/// other half and nobody notices. While there is no token that is good, each caller waits for the one attempt under way,
/// and after a failure for a second the next ones hear of it at once.
public final class ClientTokens: ServiceTokens {
  /// What auth answers.
  public struct Issued: Sendable {
    public var token: String
    /// Seconds.
    public var lifetime: TimeInterval

    public init(token: String, lifetime: TimeInterval) {
      self.token = token
      self.lifetime = lifetime
    }
  }

  private struct Entry {
    var issued: Issued?
    var issuedAt = Date.distantPast
    var renewal: Task<String, any Error>?
    var failedAt: Date?
    var failure: (any Error)?
  }

  private let fetch: @Sendable ([Permission]) async throws -> Issued
  private let now: @Sendable () -> Date
  private let entries = Mutex<[[Permission]: Entry]>([:])
  /// A service asks for a few sets of permissions; more than these is a mistake that must not fill the memory.
  private static let greatestCount = 64
  /// Seconds before its end from which a token is used no more: it has to be good still where it arrives.
  private static let margin: TimeInterval = 5
  /// Seconds after a failure for which auth is not asked again.
  private static let pause: TimeInterval = 1

  /// - Parameter fetch: Asks auth for a token that permits just that; has to end by itself.
  public init(
    now: @escaping @Sendable () -> Date = { Date() }, fetch: @escaping @Sendable ([Permission]) async throws -> Issued
  ) {
    self.now = now
    self.fetch = fetch
  }

  private enum Step {
    case use(String)
    case wait(Task<String, any Error>)
    case fail(any Error)
  }

  /// - Throws: what `fetch` threw, where there is no token that is still good.
  public func token(permissions: [Permission]) async throws -> String {
    let time = now()
    let step = entries.withLock { entries in
      if entries[permissions] == nil, entries.count >= Self.greatestCount { entries = [:] }
      var entry = entries[permissions] ?? Entry()
      defer { entries[permissions] = entry }
      return next(&entry, permissions, at: time)
    }
    switch step {
    case .use(let token): return token
    case .wait(let renewal): return try await renewal.value
    case .fail(let error): throw error
    }
  }

  public func refused(_ token: String) {
    entries.withLock { entries in
      for key in entries.keys where entries[key]?.issued?.token == token { entries[key]?.issued = nil }
    }
  }

  private func next(_ entry: inout Entry, _ permissions: [Permission], at time: Date) -> Step {
    var good: String?
    if let issued = entry.issued {
      let age = time.timeIntervalSince(entry.issuedAt)
      // A clock that was set back makes an old token look young.
      if age >= 0, age < issued.lifetime - Self.margin { good = issued.token }
      if let good, age < issued.lifetime / 2 { return .use(good) }
    }
    let mayAsk = entry.failedAt.map { !(0..<Self.pause).contains(time.timeIntervalSince($0)) } ?? true
    if entry.renewal == nil, mayAsk {
      // A task of its own: a caller that goes away does not take the token from the others that wait for it.
      entry.renewal = Task { try await renew(permissions) }
    }
    if let good { return .use(good) }
    if let renewal = entry.renewal { return .wait(renewal) }
    return .fail(entry.failure ?? CancellationError())
  }

  private func renew(_ permissions: [Permission]) async throws -> String {
    // From when it was asked for: it is not good for longer than it says, however long the answer took.
    let time = now()
    do {
      let issued = try await fetch(permissions)
      entries.withLock { entries in
        entries[permissions] = Entry(issued: issued, issuedAt: time)
      }
      return issued.token
    } catch {
      entries.withLock { entries in
        entries[permissions]?.renewal = nil
        entries[permissions]?.failedAt = time
        entries[permissions]?.failure = error
      }
      throw error
    }
  }
}
