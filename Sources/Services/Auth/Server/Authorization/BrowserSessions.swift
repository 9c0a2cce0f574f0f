import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Somebody signed in at the pages: a session like any other, listed and revoked with them, whose credential is a
/// cookie and nothing else. It cannot be refreshed, and no refresh token is one.
struct BrowserSessions: Sendable {
  let core: AuthCore

  /// A session that a cookie proved.
  struct Found: Sendable {
    var session: SessionRow
    var account: AccountRow
    var authentication: UserAuthentication {
      UserAuthentication(methods: session.methods, at: session.authenticatedAt)
    }
  }

  /// Opens one, inside a transaction.
  func open(
    _ cookie: BrowserCookie, for account: AccountRow, _ authentication: UserAuthentication, from client: ClientDevice,
    _ transaction: any Transaction, _ now: Date
  ) throws -> Found {
    let end = (now + core.configuration.browserSessionLifetime).roundedToMicroseconds
    let row = SessionRow(
      id: cookie.session, accountID: account.id, counter: 0, tokenHash: cookie.hash, client: client,
      authentication: authentication, createdAt: now, idleExpiresAt: end, expiresAt: end)
    try SessionStore(transaction).insert(row)
    try core.events.record(.loginSucceeded(account: account.id, session: row.id), in: transaction)
    return Found(session: row, account: account)
  }

  func find(_ text: String?, _ transaction: any Transaction, _ now: Date) throws -> Found? {
    guard let cookie = text.flatMap({ BrowserCookie($0) }),
      let row = try SessionStore(transaction).find(cookie.session), row.isOpen(at: now),
      ConstantTime.areEqual(row.tokenHash, cookie.hash),
      let account = try AccountStore(transaction).find(row.accountID), account.status == .active
    else { return nil }
    return Found(session: row, account: account)
  }
}

/// What the browser keeps: which session, and 256 random bits.
struct BrowserCookie: Sendable, Hashable {
  private static let prefix = "gbs_"
  let session: UUID
  let text: String

  init(session: UUID, secret: [UInt8]) {
    self.session = session
    let bytes = withUnsafeBytes(of: session.uuid, Array.init) + secret
    text = Self.prefix + Data(bytes).base64URLEncodedString()
  }

  init?(_ text: String) {
    guard text.utf8.count == Self.prefix.utf8.count + 64, text.hasPrefix(Self.prefix),
      let bytes = Data(base64URLEncoded: text.dropFirst(Self.prefix.count)).map(Array.init), bytes.count == 48
    else { return nil }
    session = bytes[..<16].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    self.text = text
  }

  /// What is kept of it.
  var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }
}
