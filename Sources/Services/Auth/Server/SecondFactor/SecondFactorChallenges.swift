import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What a login gets whose first factor was right and whose account has a second factor: a token that is good for showing
/// that factor and for nothing else, for five minutes, five tries, one success.
struct SecondFactorChallenges: Sendable {
  let core: AuthCore
  let check: CodeCheck

  static let lifetime: TimeInterval = 300
  static let greatestFailures = 5
  private static let prefix = "gmc_"

  enum Redemption: Sendable {
    case accepted(AccountRow, UserAuthentication)
    /// The challenge can be tried again, or not.
    case wrongCode(isLast: Bool)
    case refused
  }

  static let refusal = Problem(
    401, "invalid_challenge", "The login is not good any more", detail: "Log in again.")
  static let wrongCode = Problem(
    401, "invalid_code", "The code is wrong or was used before", detail: "Wait for the next code, then try again.")

  func newToken() -> String { Self.prefix + Data(core.randomBytes(32)).base64URLEncodedString() }

  func issue(
    _ token: String, _ purpose: ChallengeRow.Purpose, for account: AccountRow,
    after methods: [String] = [UserAuthentication.password], _ transaction: any Transaction, _ now: Date
  ) throws {
    try ChallengeStore(transaction).insert(
      ChallengeStore.hash(token), purpose, for: account, after: methods,
      expiresAt: (now + Self.lifetime).roundedToMicroseconds)
  }

  /// Says nothing about the code before the challenge is known to be good. To be committed whatever it returns.
  /// - Throws: ``Problem`` 429 while one has to wait, 403 when the account may not log in any more.
  func redeem(
    _ token: String, _ code: String, _ purpose: ChallengeRow.Purpose, from client: ClientDevice, mailID: UUID,
    _ transaction: any Transaction, _ now: Date
  ) throws -> Redemption {
    let store = ChallengeStore(transaction)
    let hash = ChallengeStore.hash(token)
    guard let found = try store.find(hash, purpose, now: now) else { return .refused }
    // Two who try at once: the second sees what the first left.
    try SecondFactorStore(transaction).lock(found.accountID)
    guard let row = try store.find(hash, purpose, now: now),
      let account = try AccountStore(transaction).find(row.accountID), account.status == .active,
      account.epoch == row.epoch, try SecondFactorStore(transaction).isEnrolled(account.id)
    else { return .refused }
    let verdict = try check.check(code, of: account, from: client, mailID: mailID, transaction, now)
    guard let methods = verdict.methods else {
      let isLast = row.failures + 1 >= Self.greatestFailures
      if isLast { try store.delete(hash) } else { try store.countFailure(hash) }
      return .wrongCode(isLast: isLast)
    }
    try store.delete(hash)
    return .accepted(account, UserAuthentication(methods: row.methods + methods, at: now))
  }

  /// The answer to a login.
  static func required(_ token: String) -> Problem {
    Problem(
      401, "mfa_required", "The account has a second factor",
      detail: "Send the challenge and a code to \(AuthAPI.completeLogin.path).",
      extensions: [
        "challenge": .string(token), "expires_in": .integer(Int64(lifetime)),
        "methods": .array([ProofMethod.totp, .recoveryCode].map { .string($0.rawValue) }),
      ])
  }
}
