import Foundation
import GravityContracts

/// A JWS in compact form (RFC 7515 §7.1) of which nothing is believed yet: only its form is known to be right.
struct CompactToken {
  static let greatestLength = 8192
  /// RFC 9068 §2.1.
  static let type = "at+jwt"

  /// The key that the header names.
  let keyID: String
  /// Who says to have issued it.
  let issuer: String

  /// Everything that can be refused without a key, before a library sees the token.
  init(_ token: String) throws(TokenRefusal) {
    guard token.utf8.count <= Self.greatestLength else { throw TokenRefusal(.invalid, "longer than 8192 bytes") }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && Self.isCanonicalBase64URL($0.utf8) }) else {
      throw TokenRefusal(.invalid, "not three parts of base64url")
    }
    // An ES256 signature is R ‖ S, 32 bytes each; DER, as other tools write it, is not JOSE (RFC 7518 §3.4).
    guard let signature = Data(base64URLEncoded: parts[2]), signature.count == 64 else {
      throw TokenRefusal(.invalid, "the signature is not 64 bytes")
    }
    let header: Header = try Self.decode(parts[0], "header")
    guard header.alg == "ES256" else { throw TokenRefusal(.invalid, "the algorithm is not ES256") }
    guard let type = header.typ?.lowercased(), type == Self.type || type == "application/\(Self.type)" else {
      throw TokenRefusal(.invalid, "the type is not at+jwt")
    }
    guard !header.hasCritical else { throw TokenRefusal(.invalid, "has critical extensions") }
    guard let keyID = header.kid, (1...128).contains(keyID.utf8.count) else {
      throw TokenRefusal(.invalid, "names no key")
    }
    let claims: IssuerClaim = try Self.decode(parts[1], "payload")
    self.keyID = keyID
    self.issuer = claims.iss
  }

  /// `jku`, `jwk`, `x5u` and `x5c` are not read: a token does not say where its key is.
  private struct Header: Decodable {
    var alg: String?
    var typ: String?
    var kid: String?
    var hasCritical: Bool

    enum CodingKeys: String, CodingKey { case alg, typ, kid, crit }
    init(from decoder: any Decoder) throws {
      let header = try decoder.container(keyedBy: CodingKeys.self)
      alg = try header.decodeIfPresent(String.self, forKey: .alg)
      typ = try header.decodeIfPresent(String.self, forKey: .typ)
      kid = try header.decodeIfPresent(String.self, forKey: .kid)
      hasCritical = header.contains(.crit)
    }
  }

  private struct IssuerClaim: Decodable { var iss: String }

  private static func decode<Value: Decodable>(_ part: Substring, _ name: String) throws(TokenRefusal) -> Value {
    guard let data = Data(base64URLEncoded: part), JSONObjectKeys.areUnique(in: data) else {
      throw TokenRefusal(.invalid, "the \(name) is no JSON object with each name once")
    }
    do { return try JSONDecoder().decode(Value.self, from: data) } catch {
      throw TokenRefusal(.invalid, "the \(name) cannot be read")
    }
  }

  /// The alphabet of RFC 4648 §5, and no bits after the last byte: each token has one spelling only, so that what is
  /// cached or revoked by its digest cannot come again in another.
  private static func isCanonicalBase64URL(_ text: Substring.UTF8View) -> Bool {
    var last: UInt8 = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): last = byte - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): last = byte - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): last = byte - UInt8(ascii: "0") + 52
      case UInt8(ascii: "-"): last = 62
      case UInt8(ascii: "_"): last = 63
      default: return false
      }
    }
    return switch text.count % 4 {
    case 0: true
    case 2: last & 0b1111 == 0
    case 3: last & 0b11 == 0
    default: false
    }
  }
}
