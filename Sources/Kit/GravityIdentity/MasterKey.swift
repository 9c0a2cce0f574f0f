public import Crypto
public import Foundation
import GravityContracts

/// The one secret of a deployment, 32 bytes, from which every other key is derived.
public struct MasterKey: Sendable {
  private let key: SymmetricKey

  /// A new one, from the system's random bytes.
  public init() { key = SymmetricKey(size: .bits256) }

  /// - Throws: ``MasterKeyError`` unless there are 32 bytes.
  public init(bytes: some ContiguousBytes) throws(MasterKeyError) {
    let key = SymmetricKey(data: bytes)
    guard key.bitCount == 256 else { throw MasterKeyError("a master key has 32 bytes, not \(key.bitCount / 8)") }
    self.key = key
  }

  /// Reads base64, base64url or hexadecimal, as `GRAVITY_MASTER_KEY` and the file hold it.
  ///
  /// - Throws: ``MasterKeyError``, which never shows what was read.
  public init(text: String) throws(MasterKeyError) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    if text.utf8.count == 64, let bytes = Self.hexadecimal(text) {
      try self.init(bytes: bytes)
    } else if let bytes = Data(base64Encoded: text) ?? Data(base64URLEncoded: text) {
      try self.init(bytes: bytes)
    } else {
      throw MasterKeyError("a master key is 32 bytes in base64, base64url or hexadecimal")
    }
  }

  /// Base64url, for the file. A secret: it goes nowhere else.
  var text: String { key.withUnsafeBytes { Data($0) }.base64URLEncodedString() }

  /// 32 bytes for one purpose, by HKDF-SHA-256 (RFC 5869). Another label gives an independent key.
  public func derive(_ label: String) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: key, salt: Data("gravity".utf8), info: Data(label.utf8), outputByteCount: 32)
  }

  /// HMAC-SHA-256 of `message` under the key derived for `label`.
  public func authenticationCode(_ label: String, _ message: some DataProtocol) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: message, using: derive(label)))
  }

  private static func hexadecimal(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard !digits.contains(nil) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
  }
}

/// Why there is no master key. For the operator; it never holds the key.
public struct MasterKeyError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
