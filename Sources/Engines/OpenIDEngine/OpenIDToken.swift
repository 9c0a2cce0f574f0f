import Foundation
import GravityContracts
import GravityIdentity
import JWTKit

/// A signed JWT of a provider (RFC 7519) in compact form: nothing of it is believed before its signature was checked.
enum OpenIDToken {
  /// The claims of a token whose signature is good, and the key that it is by; what they say is for the caller to
  /// check.
  ///
  /// The key decides about the algorithm (RFC 8725 §3.1), so `none` and symmetric ones find none.
  /// - Parameters:
  ///   - length: The most bytes that it may have.
  ///   - types: What `typ` may be, in small letters; one that is missing is `jwt`.
  ///   - algorithms: Those that are taken; nil takes each that a key is good for.
  static func claims<Claims: JWTPayload>(
    _ claims: Claims.Type, of token: String, atMost length: Int, types: Set<String>, algorithms: Set<String>? = nil,
    keys: OpenIDKeys
  ) async throws(TokenRefusal) -> (claims: Claims, key: OpenIDKey) {
    guard token.utf8.count <= length else { throw TokenRefusal(.invalid, "longer than \(length) bytes") }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }), let data = Data(base64URLEncoded: parts[0]),
      let header = try? JSONDecoder().decode(Header.self, from: data)
    else { throw TokenRefusal(.invalid, "no signed JWT") }
    guard types.contains(header.typ?.lowercased() ?? "jwt") else {
      throw TokenRefusal(.invalid, "of a type that is not taken here")
    }
    guard !header.hasCritical else { throw TokenRefusal(.invalid, "has critical extensions") }
    guard algorithms?.contains(header.alg) ?? true, let key = try await keys.key(header.kid, header.alg) else {
      throw TokenRefusal(.invalid, "signed with a key that is not known, or not for \(header.alg.prefix(16))")
    }
    do throws(TokenRefusal) { return (try await verified(claims, token, key), key) } catch {
      // A provider that does not name its key may have taken another one.
      guard error == Self.forged, header.kid == nil, let other = await keys.another(than: key, header.alg) else {
        throw error
      }
      return (try await verified(claims, token, other), other)
    }
  }

  private static let forged = TokenRefusal(.invalid, "the signature is wrong")

  private static func verified<Claims: JWTPayload>(
    _ claims: Claims.Type, _ token: String, _ key: OpenIDKey
  ) async throws(TokenRefusal) -> Claims {
    do { return try await key.keys.verify(token, as: claims) } catch {
      guard (error as? JWTError)?.errorType == .signatureVerificationFailed else {
        throw TokenRefusal(.invalid, "the claims cannot be read")
      }
      throw forged
    }
  }

  /// `jku`, `jwk`, `x5u` and `x5c` are not read: a token does not say where its key is.
  private struct Header: Decodable {
    var alg: String
    var typ: String?
    var kid: String?
    var hasCritical: Bool

    enum CodingKeys: String, CodingKey { case alg, typ, kid, crit }
    init(from decoder: any Decoder) throws {
      let header = try decoder.container(keyedBy: CodingKeys.self)
      alg = try header.decode(String.self, forKey: .alg)
      typ = try header.decodeIfPresent(String.self, forKey: .typ)
      kid = try header.decodeIfPresent(String.self, forKey: .kid)
      hasCritical = header.contains(.crit)
    }
  }
}
