import AuthAPI
import Foundation
import GravityContracts
import GravityData

/// Gives out what is to be signed: 256 random bits, good once, for one purpose, for five minutes.
struct PasskeyChallenges: Sendable {
  let core: AuthCore

  /// Milliseconds.
  static let timeout = Int(PasskeyChallengeStore.lifetime * 1000)

  /// - Throws: `Problem` 409 where there are no passkeys on this platform.
  var party: RelyingParty { get throws { try core.passkeys.required() } }

  func newChallenge() -> String { Data(core.randomBytes(ClientData.challengeSize)).base64URLEncodedString() }

  /// A bound need not be exact, and would make those that come at once wait.
  /// - Throws: `Problem` 503 where too many wait.
  func requireRoom() async throws {
    guard
      try await core.read({ try PasskeyChallengeStore($0).count(now: $1) }) < PasskeyChallengeStore.greatestCount
    else { throw Problem(503, "busy", "Too many people are about to use a passkey", retryAfter: 30) }
  }

  func insert(
    _ challenge: String, _ purpose: PasskeyPurpose, epoch: Int64? = nil, _ transaction: any Transaction, _ now: Date
  ) throws {
    try PasskeyChallengeStore(transaction).insert(
      purpose.key(challenge, core.masterKey), account: purpose.account, epoch: epoch, now: now)
  }

  func take(
    _ challenge: String, _ purpose: PasskeyPurpose, _ transaction: any Transaction, _ now: Date
  ) throws -> PasskeyChallenge? {
    try PasskeyChallengeStore(transaction).take(purpose.key(challenge, core.masterKey), now: now)
  }
}
