import Crypto
import Foundation
import GravityContracts
import GravityIdentity

/// A refresh token: the session's id, how often it was refreshed, and an HMAC of both. So the successor of a token can
/// be told again to a client that missed it, and an old token is known as such although only hashes are kept.
///
///     grt_ base64url( version 1 │ session id 16 │ counter 8 │ HMAC-SHA-256 32 )
struct RefreshToken: Hashable {
  let session: UUID
  let counter: Int64
  let text: String

  init(session: UUID, counter: Int64, masterKey: MasterKey) {
    self.session = session
    self.counter = counter
    let head = Self.head(session, counter)
    text = Self.prefix + Data(head + Self.code(head, masterKey)).base64URLEncodedString()
  }

  /// nil unless it is one that this deployment has issued.
  init?(_ text: String, masterKey: MasterKey) {
    guard text.utf8.count == Self.prefix.utf8.count + 76, text.hasPrefix(Self.prefix),
      let bytes = Data(base64URLEncoded: text.dropFirst(Self.prefix.count)).map(Array.init), bytes.count == 57,
      bytes[0] == Self.version
    else { return nil }
    let head = Array(bytes.prefix(25))
    guard ConstantTime.areEqual(bytes.suffix(32), Self.code(head, masterKey)) else { return nil }
    session = head[1..<17].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    counter = head[17...].reduce(0) { $0 << 8 | Int64($1) }
    self.text = text
  }

  /// What is kept of it.
  var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }

  /// Marks it for scanners of leaked secrets.
  static let prefix = "grt_"
  private static let version: UInt8 = 1

  private static func head(_ session: UUID, _ counter: Int64) -> [UInt8] {
    [version] + withUnsafeBytes(of: session.uuid, Array.init)
      + (0..<8).map { UInt8(truncatingIfNeeded: counter >> (56 - 8 * Int64($0))) }
  }

  private static func code(_ head: [UInt8], _ masterKey: MasterKey) -> [UInt8] {
    masterKey.authenticationCode("refresh-token/1", head)
  }
}
