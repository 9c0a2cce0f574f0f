import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityIdentity

/// A key as it is used: which one it is, 256 random bits, and a checksum by which a typing error, or a string that a
/// scanner of leaked secrets found, is known without asking anybody.
///
///     gk_ base64url( key id 16 │ secret 32 │ checksum 3 )
struct APIKeySecret: Sendable, Hashable {
  static let prefix = APIKey.prefix
  let id: UUID
  let text: String

  init(id: UUID, secret: [UInt8]) {
    self.id = id
    let bytes = withUnsafeBytes(of: id.uuid, Array.init) + secret
    text = Self.prefix + Data(bytes + Self.checksum(bytes)).base64URLEncodedString()
  }

  /// nil unless its form and its checksum are right, which says nothing about whether there is such a key.
  init?(_ text: String) {
    guard text.utf8.count == Self.prefix.utf8.count + 68, text.hasPrefix(Self.prefix),
      let bytes = Data(base64URLEncoded: text.dropFirst(Self.prefix.count)).map(Array.init), bytes.count == 51,
      ConstantTime.areEqual(bytes[48...], Self.checksum(Array(bytes[..<48])))
    else { return nil }
    id = bytes[..<16].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    self.text = text
  }

  /// What is kept of it.
  var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }

  private static func checksum(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: Data(bytes)).prefix(3)) }
}
