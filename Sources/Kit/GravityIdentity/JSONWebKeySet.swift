public import Crypto
public import Foundation
import GravityContracts

/// A P-256 public key as a JWK (RFC 7517, RFC 7518 §6.2).
public struct JSONWebKey: Codable, Sendable, Hashable {
  public var keyType: String
  public var curve: String
  /// The coordinates, base64url, 32 bytes each.
  public var x: String
  public var y: String
  public var keyID: String
  public var use: String?
  public var algorithm: String?

  /// A signing key under its RFC 7638 thumbprint, or under `keyID` where that is given.
  public init(_ key: P256.Signing.PublicKey, keyID: String? = nil) {
    keyType = "EC"
    curve = "P-256"
    let raw = key.rawRepresentation
    x = Data(raw.prefix(32)).base64URLEncodedString()
    y = Data(raw.suffix(32)).base64URLEncodedString()
    use = "sig"
    algorithm = "ES256"
    self.keyID = keyID ?? Self.thumbprint(x: x, y: y)
  }

  /// SHA-256 of the required members in lexicographic order, base64url (RFC 7638 §3).
  public var thumbprint: String { Self.thumbprint(x: x, y: y) }

  /// nil when this is no P-256 signing key for ES256, or not a point of the curve.
  public var publicKey: P256.Signing.PublicKey? {
    guard keyType == "EC", curve == "P-256", use ?? "sig" == "sig", algorithm ?? "ES256" == "ES256",
      let x = Data(base64URLEncoded: x), let y = Data(base64URLEncoded: y), x.count == 32, y.count == 32
    else { return nil }
    return try? P256.Signing.PublicKey(rawRepresentation: x + y)
  }

  private static func thumbprint(x: String, y: String) -> String {
    let members = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\(x)\",\"y\":\"\(y)\"}"
    return Data(SHA256.hash(data: Data(members.utf8))).base64URLEncodedString()
  }

  enum CodingKeys: String, CodingKey {
    case x, y, use
    case keyType = "kty"
    case curve = "crv"
    case keyID = "kid"
    case algorithm = "alg"
  }
}

/// A JWK Set (RFC 7517 §5).
public struct JSONWebKeySet: Codable, Sendable, Hashable {
  public var keys: [JSONWebKey]
  public init(keys: [JSONWebKey]) { self.keys = keys }

  /// Reads a document as another party publishes it: a key of a kind that this one does not know is passed over
  /// (RFC 7517 §5).
  public init(document: Data) throws {
    struct Lenient: Decodable {
      var key: JSONWebKey?
      init(from decoder: any Decoder) throws { key = try? JSONWebKey(from: decoder) }
    }
    struct Document: Decodable { var keys: [Lenient] }
    keys = try JSONDecoder().decode(Document.self, from: document).keys.compactMap(\.key)
  }
}
