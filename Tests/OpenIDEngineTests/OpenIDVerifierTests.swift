import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import Logging
import OpenIDEngine
import Testing

@Suite("Tokens of an OpenID provider")
struct OpenIDVerifierTests {
  private static let now = Date(timeIntervalSince1970: 1_900_000_000)
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// A provider with an ES256 key, of which it publishes the public half.
  private struct Provider {
    let key = P256.Signing.PrivateKey()

    func document(kid: String? = "k1", alg: String? = "ES256", use: String? = "sig") -> Data {
      let raw = key.publicKey.rawRepresentation
      var entry = [
        "kty": "EC", "crv": "P-256", "x": Data(raw.prefix(32)).base64URLEncodedString(),
        "y": Data(raw.suffix(32)).base64URLEncodedString(),
      ]
      entry["kid"] = kid
      entry["alg"] = alg
      entry["use"] = use
      let others =
        #"{"kty":"oct","k":"c2VjcmV0","kid":"k1-secret"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"bad"}"#
      let json = String(decoding: try! JSONSerialization.data(withJSONObject: entry), as: UTF8.self)
      return Data("{\"keys\":[\(others),\(json)]}".utf8)
    }

    func token(_ claims: String, header: String = #"{"alg":"ES256","typ":"JWT","kid":"k1"}"#) throws -> String {
      let body =
        Data(header.utf8).base64URLEncodedString() + "." + Data(claims.utf8).base64URLEncodedString()
      let signature = try key.signature(for: Data(body.utf8)).rawRepresentation
      return body + "." + signature.base64URLEncodedString()
    }

    func verifier(
      issuer: String? = "https://id.example", audience: String? = "api", document: Data? = nil
    ) -> OpenIDVerifier {
      let document = document ?? self.document()
      return OpenIDVerifier(
        keys: OpenIDKeys(logger: quiet, now: { now }) { document }, issuer: issuer, audience: audience, now: { now })
    }
  }

  private static func claims(_ more: String = "") -> String {
    #"{"iss":"https://id.example","aud":["api","web"],"sub":"ada","exp":1900000060.5,"iat":1899999990\#(more)}"#
  }

  @Test(
    "what providers say of a subject's rights is understood",
    arguments: [
      (#","permissions":["orders:read"],"scope":"openid""#, ["orders:read"], []),
      (#","scope":"openid orders:read""#, ["openid", "orders:read"], []),
      (#","scp":["orders:read"],"groups":["staff"]"#, ["orders:read"], ["staff"]),
      (#","realm_access":{"roles":["admin"]},"jti":"t1","sid":"s1""#, [], ["admin"]),
    ])
  func rights(more: String, permissions: [String], roles: [String]) async throws {
    let provider = Provider()
    let principal = try await provider.verifier().verify(try provider.token(Self.claims(more)))
    #expect(principal.subject == "ada" && !principal.isService && !principal.tokenID.isEmpty)
    #expect(principal.permissions.map(\.rawValue) == permissions && principal.roles == roles)
    #expect(principal.may("orders:read") == permissions.contains("orders:read"))
  }

  @Test(
    "what is not as it should be is refused",
    arguments: [
      ("", #"{"iss":"https://evil.example","aud":"api","sub":"ada","exp":1900000060}"#, "another issuer"),
      ("", #"{"iss":"https://id.example","aud":"web","sub":"ada","exp":1900000060}"#, "another audience"),
      ("", #"{"iss":"https://id.example","sub":"ada","exp":1900000060}"#, "another audience"),
      ("", #"{"iss":"https://id.example","aud":"api","sub":"","exp":1900000060}"#, "names no subject"),
      ("", #"{"iss":"https://id.example","aud":"api","sub":"ada"}"#, "cannot be read"),
      ("", #"{"iss":"https://id.example","aud":"api","sub":"ada","exp":1899999969}"#, "expired"),
      ("", #"{"iss":"https://id.example","aud":"api","sub":"ada","exp":1900000060,"nbf":1900000031}"#, "not valid yet"),
      (#"{"alg":"RS256","kid":"k1"}"#, claims(), "not for RS256"),
      (#"{"alg":"none","kid":"k1"}"#, claims(), "not for none"),
      (#"{"alg":"HS256","kid":"k1"}"#, claims(), "not for HS256"),
      (#"{"alg":"ES256","kid":"k2"}"#, claims(), "a key that is not known"),
      (#"{"alg":"ES256","kid":"k1","typ":"logout+jwt"}"#, claims(), "not taken here"),
      (#"{"alg":"ES256","kid":"k1","crit":["exp"]}"#, claims(), "critical"),
      (#"{"kid":"k1"}"#, claims(), "no signed JWT"),
    ])
  func refused(header: String, claims: String, reason: String) async throws {
    let provider = Provider()
    let token =
      try header.isEmpty ? provider.token(claims) : provider.token(claims, header: header)
    let refusal = await #expect(throws: TokenRefusal.self) { try await provider.verifier().verify(token) }
    #expect(refusal?.description.contains(reason) == true, "\(refusal.debugDescription)")
    #expect(refusal?.code == (reason == "expired" ? .expired : .invalid))
  }

  @Test("a signature of somebody else is refused, and so is a token that was changed")
  func forged() async throws {
    let (provider, other) = (Provider(), Provider())
    let refusal = await #expect(throws: TokenRefusal.self) {
      try await provider.verifier().verify(try other.token(Self.claims()))
    }
    #expect(refusal?.description == "the signature is wrong")
  }

  @Test(
    "issuer and audience are anybody's where none is configured; a key without a name is found if it is the only one")
  func lenient() async throws {
    let provider = Provider()
    let verifier = provider.verifier(issuer: nil, audience: nil, document: provider.document(kid: nil, alg: nil))
    let token = try provider.token(#"{"sub":"ada","exp":1900000060}"#, header: #"{"alg":"ES256"}"#)
    #expect(try await verifier.verify(token).subject == "ada")
  }

  @Test("a key for encryption verifies nothing")
  func encryption() async throws {
    let provider = Provider()
    let verifier = provider.verifier(document: provider.document(use: "enc"))
    let refusal = await #expect(throws: TokenRefusal.self) {
      try await verifier.verify(try provider.token(Self.claims()))
    }
    #expect(refusal?.code == .unavailable)
  }

  @Test("RS256 and EdDSA, as most providers sign")
  func algorithms() async throws {
    let edwards = Curve25519.Signing.PrivateKey()
    let document = Data(
      """
      {"keys":[{"kty":"RSA","kid":"r","use":"sig","n":"\(SignedByRSA.modulus)","e":"AQAB"},\
      {"kty":"OKP","crv":"Ed25519","kid":"e","x":"\(edwards.publicKey.rawRepresentation.base64URLEncodedString())"}]}
      """.utf8)
    let keys = OpenIDKeys(logger: Self.quiet, now: { Self.now }) { document }
    let verifier = OpenIDVerifier(keys: keys, issuer: "https://id.example", audience: "api", now: { Self.now })
    let signed = SignedByRSA.token
    #expect(try await verifier.verify(signed).subject == "ada")
    let body =
      Data(#"{"alg":"EdDSA","kid":"e"}"#.utf8).base64URLEncodedString() + "."
      + Data(Self.claims().utf8).base64URLEncodedString()
    let signature = try edwards.signature(for: Data(body.utf8)).base64URLEncodedString()
    #expect(try await verifier.verify(body + "." + signature).subject == "ada")
    // An RSA key is good for the one algorithm that it is published for.
    let wrong = signed.split(separator: ".")
    let header = Data(#"{"alg":"PS256","kid":"r"}"#.utf8).base64URLEncodedString()
    await #expect(throws: TokenRefusal.self) { try await verifier.verify("\(header).\(wrong[1]).\(wrong[2])") }
  }

  @Test("keys are read again for a token that names another, not more often than they may be; the last ones stay good")
  func rotation() async throws {
    let (provider, box) = (Provider(), Box())
    box.document = provider.document()
    let keys = OpenIDKeys(logger: Self.quiet, now: { box.time }) { try box.read() }
    let verifier = OpenIDVerifier(keys: keys, issuer: nil, audience: nil, now: { Self.now })
    let (first, second) = (
      try provider.token(Self.claims()), try provider.token(Self.claims(), header: #"{"alg":"ES256","kid":"k2"}"#)
    )
    #expect(try await verifier.verify(first).subject == "ada")
    box.document = provider.document(kid: "k2")
    await #expect(throws: TokenRefusal.self) { try await verifier.verify(second) }
    #expect(box.reads == 1)
    box.time += 6
    #expect(try await verifier.verify(second).subject == "ada")
    await #expect(throws: TokenRefusal.self) { try await verifier.verify(first) }
    box.document = nil
    box.time += 400
    #expect(try await verifier.verify(second).subject == "ada")
    let refusal = await #expect(throws: TokenRefusal.self) { try await verifier.verify(first) }
    #expect(refusal?.code == .unavailable)
  }

  private final class Box: @unchecked Sendable {
    private let lock = NSLock()
    private var state: (document: Data?, time: Date, reads: Int) = (nil, OpenIDVerifierTests.now, 0)
    var document: Data? {
      get { lock.withLock { state.document } }
      set { lock.withLock { state.document = newValue } }
    }
    var time: Date {
      get { lock.withLock { state.time } }
      set { lock.withLock { state.time = newValue } }
    }
    var reads: Int { lock.withLock { state.reads } }
    func read() throws -> Data {
      try lock.withLock {
        state.reads += 1
        guard let document = state.document else { throw OpenIDError("away") }
        return document
      }
    }
  }
}
