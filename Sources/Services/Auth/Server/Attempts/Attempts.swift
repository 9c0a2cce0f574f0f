public import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// How failed logins slow down the next ones.
public struct AttemptPolicy: Sendable, Hashable {
  /// Failures on one account that cost nothing; each further one doubles the wait, beginning with a second.
  public var accountAllowance = 5
  /// The same for one address, over all accounts: many people may share one.
  public var addressAllowance = 50
  /// Seconds; no wait is longer.
  public var longestWait: TimeInterval = 900
  /// Seconds after the last failure until it is forgotten.
  public var memory: TimeInterval = 86_400
  /// Seconds for which an address from which somebody logged in stays known as theirs.
  public var trust: TimeInterval = 90 * 86_400

  public init() {}
}

/// Slows down guessing, per account and per address. Kept in the database, so that neither a restart nor another
/// instance forgets.
///
/// From an address where somebody logged in to an account before, only failures from that very address count for that
/// account: so nobody can lock out the owner by failing elsewhere. Nothing depends on whether the account exists.
struct Attempts: Sendable {
  let core: AuthCore

  /// Who tries what from where.
  struct Origin: Sendable {
    let account: [UInt8]
    let address: [UInt8]
    let pair: [UInt8]
  }

  func origin(email: String, address: String) -> Origin {
    func key(_ parts: [String]) -> [UInt8] {
      let message = parts.map { "\($0.utf8.count):\($0)" }.joined()
      return core.masterKey.authenticationCode("login-attempt-key/1", Data(message.utf8))
    }
    return Origin(
      account: key(["account", email]), address: key(["address", address]), pair: key(["pair", email, address]))
  }

  /// - Throws: ``Problem`` 429 while one has to wait.
  func check(_ origin: Origin, _ transaction: any Transaction, now: Date) throws {
    let store = AttemptStore(transaction)
    let until = try counted(origin, store, now: now).compactMap { try store.find($0.key, now: now)?.blockedUntil }.max()
    guard let until, until > now else { return }
    throw Problem(
      429, "too_many_attempts", "Too many failed attempts", detail: "Wait, then try again.",
      retryAfter: Int(until.timeIntervalSince(now).rounded(.up)))
  }

  func failed(_ origin: Origin, _ transaction: any Transaction, now: Date) throws {
    let store = AttemptStore(transaction)
    let policy = core.configuration.backOff
    for (key, allowance) in try counted(origin, store, now: now) {
      let failures = (try store.find(key, now: now)?.failures ?? 0) + 1
      let excess = failures - allowance
      let wait = excess > 0 ? min(policy.longestWait, pow(2, Double(min(excess, 30) - 1))) : nil
      try store.put(
        key, failures: failures, blockedUntil: wait.map { (now + $0).roundedToMicroseconds },
        expiresAt: now + policy.memory)
    }
  }

  /// The address stays counted: whoever has one account there could wipe out their failures on others.
  func succeeded(_ origin: Origin, _ transaction: any Transaction, now: Date) throws {
    let store = AttemptStore(transaction)
    let trust = core.configuration.backOff.trust
    let keys = try counted(origin, store, now: now).map(\.key).filter { $0 != origin.address }
    let known = try keys.filter { try store.find($0, now: now) != nil }
    if !known.isEmpty { try store.forget(known) }
    try store.trust(origin.pair, until: now + trust, renewal: now + trust / 2)
  }

  /// What counts for this origin.
  private func counted(
    _ origin: Origin, _ store: AttemptStore, now: Date
  ) throws -> [(key: [UInt8], allowance: Int)] {
    let policy = core.configuration.backOff
    if try store.isTrusted(origin.pair, now: now) { return [(origin.pair, policy.accountAllowance)] }
    return [(origin.account, policy.accountAllowance), (origin.address, policy.addressAllowance)]
  }
}
