import Foundation
import GravityContracts
import JWTKit

/// A public key of an OpenID provider, good for one algorithm (RFC 8725 §3.1): what a token says of itself never chooses
/// how it is verified.
struct OpenIDKey: Sendable {
  /// RFC 7518 §3.1, RFC 8037: `RS256`, `ES256`, `EdDSA`, …
  let algorithm: String
  let keys: JWTKeyCollection
  /// For whom it signs, where the provider says so: Entra does of its tenants' keys.
  var issuer: String?
}

/// The keys of a document as providers publish it (RFC 7517 §5).
struct OpenIDKeySet: Sendable {
  /// By `kid`.
  private(set) var named: [String: OpenIDKey] = [:]
  private(set) var unnamed: [OpenIDKey] = []
  /// In bytes, of a document.
  static let greatestSize = 256 << 10
  private static let greatestCount = 100

  var isEmpty: Bool { named.isEmpty && unnamed.isEmpty }

  /// Keys of a kind that is not known here, or for something else than signatures, are passed over (RFC 7517 §5).
  init(document: Data) async throws {
    guard document.count <= Self.greatestSize else { throw OpenIDError("the key set is larger than 256 KiB") }
    let entries: [Entry]
    do { entries = try JSONDecoder().decode(Document.self, from: document).keys.compactMap(\.entry) } catch {
      throw OpenIDError("this is no JWK Set (RFC 7517 §5)")
    }
    guard entries.count <= Self.greatestCount else { throw OpenIDError("the key set has more than 100 keys") }
    for entry in entries {
      guard let (algorithm, jwk) = entry.key else { continue }
      let keys = JWTKeyCollection()
      // One that is no point of its curve is no key.
      guard (try? await keys.add(jwk: jwk, isDefault: true)) != nil else { continue }
      let key = OpenIDKey(algorithm: algorithm, keys: keys, issuer: entry.issuer)
      if let id = entry.kid { named[id] = key } else { unnamed.append(key) }
    }
  }

  /// The key that a token names; of a set with a single key for its algorithm, that one where it names none.
  func key(_ id: String?, _ algorithm: String) -> OpenIDKey? {
    if let id { return named[id].flatMap { $0.algorithm == algorithm ? $0 : nil } }
    let fitting = (Array(named.values) + unnamed).filter { $0.algorithm == algorithm }
    return fitting.count == 1 ? fitting[0] : nil
  }

  private struct Document: Decodable {
    struct Lenient: Decodable {
      var entry: Entry?
      init(from decoder: any Decoder) { entry = try? Entry(from: decoder) }
    }
    var keys: [Lenient]
  }

  private struct Entry: Decodable {
    var kty: String
    var kid, use, alg, crv, n, e, x, y, issuer: String?
    var key_ops: [String]?

    private static let rsa: [String: JWK.Algorithm] = [
      "RS256": .rs256, "RS384": .rs384, "RS512": .rs512, "PS256": .ps256, "PS384": .ps384, "PS512": .ps512,
    ]

    /// nil for what no signature is verified with.
    var key: (algorithm: String, jwk: JWK)? {
      guard use ?? "sig" == "sig", key_ops?.contains("verify") ?? true, (kid ?? "x").utf8.count <= 255 else {
        return nil
      }
      let id = JWKIdentifier(string: kid ?? "unnamed")
      switch (kty, crv) {
      case ("RSA", _):
        // Where the provider does not say, it is the one that every provider has to know (OpenID Connect Core §15.1).
        let name = alg ?? "RS256"
        guard let algorithm = Self.rsa[name], let n, let e, let modulus = Data(base64URLEncoded: n),
          modulus.drop(while: { $0 == 0 }).count >= 256
        else { return nil }
        return (name, .rsa(algorithm, identifier: id, modulus: n, exponent: e))
      case ("EC", "P-256") where alg ?? "ES256" == "ES256":
        return ("ES256", .ecdsa(.es256, identifier: id, x: x, y: y, curve: .p256))
      case ("EC", "P-384") where alg ?? "ES384" == "ES384":
        return ("ES384", .ecdsa(.es384, identifier: id, x: x, y: y, curve: .p384))
      case ("OKP", "Ed25519") where ["EdDSA", "Ed25519"].contains(alg ?? "EdDSA"):
        return ("EdDSA", .octetKeyPair(.eddsa, identifier: id, x: x, y: nil, curve: .ed25519))
      default: return nil
      }
    }
  }
}

/// Why an OpenID provider's keys are of no use.
public struct OpenIDError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
