import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import Synchronization

/// An issuer with one key and a clock that stands still until a test moves it.
struct TokenFixture {
  let clock = TestClock()
  let key = P256.Signing.PrivateKey()
  let signer: TokenSigner
  let revocations = RevocationList(maximumAge: nil)
  let verifier: JWTVerifier

  init(cacheCapacity: Int = 64) async throws {
    signer = try await TokenSigner(key)
    let clock = clock
    verifier = JWTVerifier(
      issuers: [
        .init(
          name: "https://issuer", audience: "gravity",
          keys: try await FixedKeySource(JSONWebKeySet(keys: [signer.publicKey])))
      ], revocations: revocations, cacheCapacity: cacheCapacity, now: { clock.now })
  }

  func claims(_ change: (inout TokenClaims) -> Void = { _ in }) -> TokenClaims {
    var claims = TokenClaims(
      issuer: "https://issuer", subject: "alice", audience: ["gravity"], issuedAt: clock.now,
      expiresAt: clock.now + 900, tokenID: "t1", sessionID: "s1", roles: ["user"], permissions: ["orders:read"],
      epoch: 3, methods: ["pwd"])
    change(&claims)
    return claims
  }

  func token(_ change: (inout TokenClaims) -> Void = { _ in }) async throws -> String {
    try await signer.sign(claims(change))
  }

  /// A token with exactly this header and payload, signed as ES256 signs with `key` or the issuer's.
  func forged(header: String, payload: String? = nil, key: P256.Signing.PrivateKey? = nil) throws -> String {
    let payload = try payload ?? String(decoding: JSONEncoder().encode(claims()), as: UTF8.self)
    let input = "\(Data(header.utf8).base64URLEncodedString()).\(Data(payload.utf8).base64URLEncodedString())"
    let signature = try (key ?? self.key).signature(for: Data(input.utf8)).rawRepresentation
    return "\(input).\(signature.base64URLEncodedString())"
  }

  /// `{"alg":"ES256","typ":"at+jwt","kid":…}` with members exchanged or added.
  func header(_ changes: [String: String] = [:]) -> String {
    var members = ["alg": "\"ES256\"", "typ": "\"at+jwt\"", "kid": "\"\(signer.keyID)\""]
    members.merge(changes) { $1 }
    return "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
  }

  func refusal(of token: String) async -> TokenRefusal.Code? {
    do throws(TokenRefusal) {
      _ = try await verifier.verify(token)
      return nil
    } catch { return error.code }
  }
}

final class TestClock: Sendable {
  private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}
