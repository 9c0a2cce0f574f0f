import Crypto
import CryptoExtras
import Foundation

/// A credential's public key (WebAuthn Level 3 §5.8.5, §6.5.1.1): a COSE key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4)
/// with its `alg` and nothing beyond what the algorithm takes.
enum CredentialPublicKey: Sendable {
  case es256(P256.Signing.PublicKey)
  case ed25519(Curve25519.Signing.PublicKey)
  case rs256(_RSA.Signing.PublicKey)

  private static let (ecdsa, eddsa, rsa): (Int64, Int64, Int64) = (-7, -8, -257)
  /// In order of preference.
  static let algorithms = [Int(ecdsa), Int(eddsa), Int(rsa)]
  /// Bytes of an RSA modulus: 2 048 to 4 096 bits.
  private static let modulus = 256...512

  // Labels of COSE keys.
  private static let (kty, alg): (CBOR.Key, CBOR.Key) = (.integer(1), .integer(3))

  /// - Throws: ``PasskeyFault/algorithm`` or ``PasskeyFault/key``.
  init(_ key: CBOR) throws(PasskeyFault) {
    guard case .map(let members) = key, let algorithm = key[Self.alg]?.integer else { throw PasskeyFault.key }
    switch algorithm {
    case Self.ecdsa:
      let (x, y) = (try Self.bytes(key, -2, 32...32), try Self.bytes(key, -3, 32...32))
      guard members.count == 5, key[Self.kty] == .integer(2), key[.integer(-1)] == .integer(1),
        // Points that are not on the curve are refused.
        let point = try? P256.Signing.PublicKey(x963Representation: [4] + x + y)
      else { throw PasskeyFault.key }
      self = .es256(point)
    case Self.eddsa:
      let x = try Self.bytes(key, -2, 32...32)
      guard members.count == 4, key[Self.kty] == .integer(1), key[.integer(-1)] == .integer(6),
        let point = try? Curve25519.Signing.PublicKey(rawRepresentation: x)
      else { throw PasskeyFault.key }
      self = .ed25519(point)
    case Self.rsa:
      let (modulus, exponent) = (try Self.bytes(key, -1, Self.modulus), try Self.bytes(key, -2, 1...8))
      guard members.count == 4, key[Self.kty] == .integer(3), modulus[0] != 0, exponent[0] != 0, exponent != [1],
        exponent[exponent.count - 1] & 1 == 1, let made = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
      else { throw PasskeyFault.key }
      self = .rs256(made)
    default: throw PasskeyFault.algorithm
    }
  }

  /// One that was kept.
  init(kept bytes: [UInt8]) throws(PasskeyFault) {
    let key: CBOR
    do throws(CBORFault) { key = try CBOR(bytes) } catch { throw PasskeyFault.key }
    try self.init(key)
  }

  private static func bytes(_ key: CBOR, _ label: Int64, _ count: ClosedRange<Int>) throws(PasskeyFault) -> [UInt8] {
    guard let bytes = key[.integer(label)]?.bytes, count.contains(bytes.count) else { throw PasskeyFault.key }
    return bytes
  }

  /// WebAuthn Level 3 §6.5.5: ECDSA's signatures are in DER.
  func isSignature(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    switch self {
    case .es256(let key):
      guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: message)
    case .ed25519(let key): return key.isValidSignature(signature, for: message)
    case .rs256(let key):
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message),
        padding: .insecurePKCS1v1_5)
    }
  }
}
