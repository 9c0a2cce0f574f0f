import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Is a code good? Each is so once, whoever else tries it at the same moment and at whichever instance, and guesses are
/// slowed down as those of passwords are.
struct CodeCheck: Sendable {
  let core: AuthCore
  let envelope: Envelope
  let attempts: Attempts
  let mail: MailQueue

  enum Verdict: Sendable, Hashable {
    case authenticator
    case recoveryCode
    case wrong

    /// What the code adds to how somebody authenticated (RFC 8176); nil of a wrong one.
    var methods: [String]? {
      switch self {
      case .authenticator: [UserAuthentication.oneTimePassword, UserAuthentication.multipleFactors]
      // There is no value for a look-up secret.
      case .recoveryCode: [UserAuthentication.multipleFactors]
      case .wrong: nil
      }
    }
  }

  static func context(_ account: UUID) -> String { "totp_factors/\(account.lowercased)" }

  /// Inside a transaction that the caller commits also when the code is wrong: so that the failure counts.
  ///
  /// Failures count apart from those of the password: a password that is right does not forget them. From an address
  /// where the account's second factor was shown before only failures from there count, so whoever learned the password
  /// cannot lock the owner out.
  /// - Parameter mailID: Of the message that a recovery code was used.
  /// - Throws: ``Problem`` 429 while one has to wait.
  func check(
    _ code: String, of account: AccountRow, from client: ClientDevice, mailID: UUID, _ transaction: any Transaction,
    _ now: Date
  ) throws -> Verdict {
    let store = SecondFactorStore(transaction)
    try store.lock(account.id)
    let origin = attempts.origin(secondFactorOf: account.id, address: client.address)
    try attempts.check(origin, transaction, now: now)
    guard let row = try store.find(account.id), row.confirmedAt != nil else { return .wrong }
    let verdict = try verdict(code, row, store, now)
    switch verdict {
    case .wrong:
      try attempts.failed(origin, transaction, now: now)
      try core.events.record(.loginFailed(account: account.id), in: transaction)
    case .authenticator: try attempts.succeeded(origin, transaction, now: now)
    case .recoveryCode:
      try attempts.succeeded(origin, transaction, now: now)
      if let email = account.email {
        try mail.request(.recoveryCodeUsed, to: email, about: account.id, id: mailID, transaction, now)
      }
    }
    return verdict
  }

  private func verdict(_ code: String, _ row: TOTPRow, _ store: SecondFactorStore, _ now: Date) throws -> Verdict {
    if let digits = OneTimePassword.normalized(code) {
      guard let step = try step(of: digits, row, now), try store.use(step: step, of: row.accountID) else {
        return .wrong
      }
      return .authenticator
    }
    guard let recovery = RecoveryCode(code) else { return .wrong }
    let hash = recovery.hash(for: row.accountID, core.masterKey)
    return try store.takeRecoveryCode(hash, of: row.accountID) ? .recoveryCode : .wrong
  }

  func step(of digits: String, _ row: TOTPRow, _ now: Date) throws -> Int64? {
    let secret = try envelope.open(row.secret, context: Self.context(row.accountID))
    return OneTimePassword(secret: Array(secret)).step(of: digits, at: now)
  }
}

extension Attempts {
  /// Codes of an account. No address of a login has a space, so these count apart.
  func origin(secondFactorOf account: UUID, address: String) -> Origin {
    origin(email: "second factor \(account.lowercased)", address: address)
  }
}
