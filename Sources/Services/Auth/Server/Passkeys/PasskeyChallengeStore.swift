import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What a challenge was given for: it is good for nothing else.
enum PasskeyPurpose: Sendable, Hashable {
  /// To add a passkey to that account.
  case registration(UUID)
  /// To log in at the interface for programs.
  case login
  /// To sign in at the page, in the browser with that secret.
  case page(browser: String)
  /// To prove again that somebody is that account's owner.
  case stepUp(UUID)

  var account: UUID? {
    switch self {
    case .registration(let id), .stepUp(let id): id
    case .login, .page: nil
    }
  }

  fileprivate var text: String {
    switch self {
    case .registration(let id): "registration \(id.lowercased)"
    case .login: "login"
    case .page(let browser): "page \(browser)"
    case .stepUp(let id): "step-up \(id.lowercased)"
    }
  }

  /// What is kept of a challenge, in base64url: an HMAC under the master key, with what it is for.
  func key(_ challenge: String, _ masterKey: MasterKey) -> [UInt8] {
    masterKey.authenticationCode("passkey-challenge/1", Data("\(text)\n\(challenge)".utf8))
  }
}

/// A challenge that was taken.
struct PasskeyChallenge: SQLRecord {
  /// The account's, when it was given; nil where it is of nobody yet.
  var epoch: Int64?

  init(_ row: SQLRow) throws { epoch = try row.get("epoch") }
}

/// The table `passkey_challenges`; knows no other.
struct PasskeyChallengeStore {
  /// Seconds; what WebAuthn Level 3 §15.1 recommends.
  static let lifetime: TimeInterval = 300
  /// That live; what is beyond is answered 503, as anybody may ask for one.
  static let greatestCount = 50_000

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func insert(_ key: [UInt8], account: UUID?, epoch: Int64?, now: Date) throws {
    try transaction.execute(
      """
      INSERT INTO passkey_challenges (hash, account_id, epoch, expires_at)
      VALUES (\(key), \(account), \(epoch), \((now + Self.lifetime).roundedToMicroseconds))
      """)
  }

  /// Ends it: of two who come with it, one is let on.
  func take(_ key: [UInt8], now: Date) throws -> PasskeyChallenge? {
    try transaction.first(
      "DELETE FROM passkey_challenges WHERE hash = \(key) AND expires_at > \(now) RETURNING epoch")
  }

  /// Of those that live, ``greatestCount`` at most.
  func count(now: Date) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM passkey_challenges WHERE expires_at > \(now) LIMIT \(Self.greatestCount)) AS live
      """) ?? 0
  }

  func deleteAll(of account: UUID) throws {
    try transaction.execute("DELETE FROM passkey_challenges WHERE account_id = \(account)")
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM passkey_challenges WHERE hash IN (
        SELECT hash FROM passkey_challenges WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
