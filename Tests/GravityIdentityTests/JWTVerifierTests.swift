import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import JWTKit
import Testing

@Suite struct JWTVerifierTests {
  @Test("a token that was just signed speaks for its subject")
  func accepts() async throws {
    let fixture = try await TokenFixture()
    let principal = try await fixture.verifier.verify(fixture.token { $0.scope = ["orders:read", "users:*"] })
    #expect(principal.subject == "alice" && principal.tokenID == "t1" && principal.sessionID == "s1")
    #expect(principal.roles == ["user"] && principal.epoch == 3 && principal.methods == ["pwd"])
    #expect(principal.scope == ["orders:read", "users:*"] && !principal.isService)
    #expect(principal.may("orders:read") && !principal.may("users:read"), "scope ∩ permission")
  }

  @Test("the header says at+jwt, ES256 and the key, and nothing personal is in the claims")
  func shape() async throws {
    let fixture = try await TokenFixture()
    let parts = try await fixture.token().split(separator: ".")
    let header = try #require(Data(base64URLEncoded: parts[0]).map { String(decoding: $0, as: UTF8.self) })
    #expect(header.contains("\"at+jwt\"") && header.contains("\"ES256\"") && header.contains(fixture.signer.keyID))
    let payload = try #require(Data(base64URLEncoded: parts[1]))
    let claims = try #require(try JSONSerialization.jsonObject(with: payload) as? [String: Any])
    #expect(
      Set(claims.keys) == ["iss", "sub", "aud", "iat", "exp", "jti", "sid", "roles", "permissions", "ep", "amr"])
    #expect(claims["exp"] as? Int == 1_800_000_900 && claims["aud"] as? String == "gravity")
  }

  @Test("a second look at the same token comes from the cache and still sees expiry and revocation")
  func cached() async throws {
    let fixture = try await TokenFixture()
    let token = try await fixture.token()
    for _ in 0..<3 { #expect(await fixture.refusal(of: token) == nil) }
    fixture.revocations.insert([Revocation(.session("s1"), expiresAt: fixture.clock.now + 900)], now: fixture.clock.now)
    #expect(await fixture.refusal(of: token) == .revoked)
    fixture.clock.advance(931)
    #expect(await fixture.refusal(of: token) == .expired)
  }

  @Test(
    "a token, a session or an earlier epoch that was revoked is refused",
    arguments: [Revocation.Target.token("t1"), .session("s1"), .subject("alice", epoch: 4)])
  func revoked(_ target: Revocation.Target) async throws {
    let fixture = try await TokenFixture()
    fixture.revocations.insert([Revocation(target, expiresAt: fixture.clock.now + 900)], now: fixture.clock.now)
    #expect(await fixture.refusal(of: try fixture.token()) == .revoked)
    let later = try await fixture.token {
      $0.epoch = 4
      $0.tokenID = "t2"
      $0.sessionID = "s2"
    }
    #expect(await fixture.refusal(of: later) == nil)
  }

  @Test("when the feed of revocations has stopped nothing is let in")
  func feedStopped() async throws {
    let fixture = try await TokenFixture()
    let verifier = JWTVerifier(
      issuers: [
        .init(
          name: "https://issuer", audience: "gravity",
          keys: try await FixedKeySource(JSONWebKeySet(keys: [fixture.signer.publicKey])))
      ], revocations: RevocationList(maximumAge: .seconds(1)), now: { fixture.clock.now })
    let token = try await fixture.token()
    await #expect(throws: TokenRefusal(.unavailable, "the feed of revocations has stopped")) {
      try await verifier.verify(token)
    }
  }

  @Test("when the feed has stopped a store decides, as long as it knows everything; a service's token needs neither")
  func storeDecides() async throws {
    let fixture = try await TokenFixture()
    // The store's own list, which is whole once it is seeded.
    let store = InMemoryTokenStore(list: RevocationList(maximumAge: nil))
    let verifier = JWTVerifier(
      issuers: [
        .init(
          name: "https://issuer", audience: "gravity",
          keys: try await FixedKeySource(JSONWebKeySet(keys: [fixture.signer.publicKey])))
      ], revocations: RevocationList(maximumAge: .seconds(1)), tokenStore: store, now: { fixture.clock.now })
    let (good, bad) = (try await fixture.token(), try await fixture.token { $0.tokenID = "t2" })
    try await store.seed([Revocation(.token("t2"), expiresAt: Date() + 900)])
    #expect(try await verifier.verify(good).subject == "alice")
    await #expect(throws: TokenRefusal(.revoked, "revoked")) { try await verifier.verify(bad) }
    let lost = JWTVerifier(
      issuers: [
        .init(
          name: "https://issuer", audience: "gravity",
          keys: try await FixedKeySource(JSONWebKeySet(keys: [fixture.signer.publicKey])))
      ], revocations: RevocationList(maximumAge: .seconds(1)),
      tokenStore: InMemoryTokenStore(list: RevocationList(maximumAge: .seconds(1))), now: { fixture.clock.now })
    await #expect(throws: TokenRefusal(.unavailable, "the feed of revocations has stopped")) {
      try await lost.verify(good)
    }
  }

  @Test("thirty seconds of difference between clocks are forgiven, more are not")
  func leeway() async throws {
    let fixture = try await TokenFixture(cacheCapacity: 0)
    let now = fixture.clock.now
    #expect(await fixture.refusal(of: try fixture.token { $0.expiresAt = now - 29 }) == nil)
    #expect(await fixture.refusal(of: try fixture.token { $0.expiresAt = now - 30 }) == .expired)
    #expect(await fixture.refusal(of: try fixture.token { $0.issuedAt = now + 30 }) == nil)
    #expect(await fixture.refusal(of: try fixture.token { $0.issuedAt = now + 31 }) == .invalid)
    #expect(await fixture.refusal(of: try fixture.token { $0.notBefore = now + 31 }) == .invalid)
    #expect(await fixture.refusal(of: try fixture.token { $0.notBefore = now + 30 }) == nil)
  }

  @Test("another issuer, audience or key is refused, and so is a token without id or subject")
  func otherParty() async throws {
    let fixture = try await TokenFixture()
    #expect(await fixture.refusal(of: try fixture.token { $0.issuer = "https://issuer/" }) == .invalid)
    #expect(await fixture.refusal(of: try fixture.token { $0.audience = ["other"] }) == .invalid)
    #expect(await fixture.refusal(of: try fixture.token { $0.audience = ["other", "gravity"] }) == nil)
    #expect(await fixture.refusal(of: try fixture.token { $0.subject = "" }) == .invalid)
    #expect(await fixture.refusal(of: try fixture.token { $0.tokenID = "" }) == .invalid)
    let stranger = P256.Signing.PrivateKey()
    let claims = fixture.claims()
    #expect(await fixture.refusal(of: try TokenSigner(stranger).sign(claims)) == .invalid, "an unknown kid")
    let sameID = try await TokenSigner(stranger, keyID: fixture.signer.keyID).sign(claims)
    #expect(await fixture.refusal(of: sameID) == .invalid, "another key under a known kid")
  }

  @Test(
    "a header that asks for other rules is refused",
    arguments: [
      ["alg": "\"none\""], ["alg": "\"None\""], ["alg": "\"HS256\""], ["alg": "\"ES384\""], ["alg": "\"es256\""],
      ["alg": "null"], ["alg": "[\"ES256\"]"], ["typ": "\"JWT\""], ["typ": "null"], ["kid": "\"\""], ["kid": "null"],
      ["kid": "7"], ["kid": "\"../../dev/null\""], ["crit": "[\"exp\"]"], ["crit": "[]"], ["crit": "null"],
    ])
  func hostileHeader(_ change: [String: String]) async throws {
    let fixture = try await TokenFixture()
    #expect(await fixture.refusal(of: try fixture.forged(header: fixture.header())) == nil)
    #expect(await fixture.refusal(of: try fixture.forged(header: fixture.header(change))) == .invalid)
  }

  @Test("a key that the token brings along is not used")
  func embeddedKey() async throws {
    let fixture = try await TokenFixture()
    let stranger = P256.Signing.PrivateKey()
    let jwk = String(decoding: try JSONEncoder().encode(JSONWebKey(stranger.publicKey)), as: UTF8.self)
    for name in ["jwk", "jku", "x5u"] {
      let header = fixture.header([name: name == "jwk" ? jwk : "\"https://evil.example/keys\""])
      #expect(await fixture.refusal(of: try fixture.forged(header: header, key: stranger)) == .invalid)
      #expect(await fixture.refusal(of: try fixture.forged(header: header)) == nil, "ignored, not obeyed")
    }
  }

  @Test("alg none without a signature and HS256 with the public key are refused")
  func algorithmConfusion() async throws {
    let fixture = try await TokenFixture()
    let payload = try JSONEncoder().encode(fixture.claims()).base64URLEncodedString()
    let none = Data(fixture.header(["alg": "\"none\""]).utf8).base64URLEncodedString()
    #expect(await fixture.refusal(of: "\(none).\(payload).") == .invalid)
    let header = Data(fixture.header(["alg": "\"HS256\""]).utf8).base64URLEncodedString()
    for secret in [Data(fixture.key.publicKey.pemRepresentation.utf8), fixture.key.publicKey.rawRepresentation] {
      let code = HMAC<SHA256>.authenticationCode(
        for: Data("\(header).\(payload)".utf8), using: SymmetricKey(data: secret))
      #expect(await fixture.refusal(of: "\(header).\(payload).\(Data(code).base64URLEncodedString())") == .invalid)
    }
  }

  @Test("a signature in DER, cut short, padded or changed is refused")
  func signatureForms() async throws {
    let fixture = try await TokenFixture()
    let token = try await fixture.token()
    let input = token.split(separator: ".").prefix(2).joined(separator: ".")
    let signature = try fixture.key.signature(for: Data(input.utf8))
    #expect(await fixture.refusal(of: "\(input).\(signature.rawRepresentation.base64URLEncodedString())") == nil)
    #expect(await fixture.refusal(of: "\(input).\(signature.derRepresentation.base64URLEncodedString())") == .invalid)
    #expect(await fixture.refusal(of: "\(input).\(signature.rawRepresentation.base64EncodedString())") == .invalid)
    #expect(await fixture.refusal(of: "\(input).\(Data(count: 64).base64URLEncodedString())") == .invalid)
    var changed = signature.rawRepresentation
    changed[10] ^= 1
    #expect(await fixture.refusal(of: "\(input).\(changed.base64URLEncodedString())") == .invalid)
  }

  @Test("every prefix of a token, and a token with more parts, is refused")
  func mutilated() async throws {
    let fixture = try await TokenFixture()
    let token = try await fixture.token()
    for length in stride(from: 0, to: token.count, by: 7) {
      #expect(await fixture.refusal(of: String(token.prefix(length))) == .invalid)
    }
    for hostile in [
      token + ".", token + ".e30", "." + token, token + "A", token + " ", "\(token)\n", "Bearer \(token)", "..",
      "a.b.c",
      token.replacingOccurrences(of: ".", with: ".."), String(repeating: "A", count: 8193), "", "é.é.é",
      token + String(repeating: "A", count: 8192),
    ] {
      #expect(await fixture.refusal(of: hostile) == .invalid)
    }
  }

  @Test("a bit that the decoder would drop does not make a second spelling of the token")
  func oneSpelling() async throws {
    let fixture = try await TokenFixture()
    let token = try await fixture.token()
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let last = try #require(alphabet.firstIndex(of: token.last!))
    let twin = String(token.dropLast()) + String(alphabet[last ^ 1])
    #expect(
      Data(base64URLEncoded: twin.split(separator: ".")[2]) == Data(base64URLEncoded: token.split(separator: ".")[2]))
    #expect(await fixture.refusal(of: twin) == .invalid)
  }

  @Test(
    "claims of a wrong type, missing, or given twice are refused although the signature is right",
    arguments: [
      ("\"exp\":1800000900", "\"exp\":\"1800000900\""), ("\"exp\":1800000900", "\"exp\":1e400"),
      ("\"exp\":1800000900", "\"exp\":null"), ("\"exp\":1800000900,", ""), ("\"iat\":1800000000,", ""),
      ("\"sub\":\"alice\"", "\"sub\":7"), ("\"sub\":\"alice\"", "\"sub\":\"alice\",\"sub\":\"admin\""),
      ("\"sub\":\"alice\"", "\"sub\":\"alice\",\"\\u0073ub\":\"admin\""), ("\"jti\":\"t1\",", ""),
      ("\"aud\":\"gravity\"", "\"aud\":{\"gravity\":1}"), ("\"aud\":\"gravity\"", "\"aud\":[]"),
      ("\"permissions\":[\"orders:read\"]", "\"permissions\":\"*:*\""), ("\"roles\":[\"user\"]", "\"roles\":[1]"),
      ("\"ep\":3", "\"ep\":3.5"), ("{", "[{"), ("{", "{\"a\":" + String(repeating: "[", count: 3000)),
    ])
  func hostileClaims(_ find: String, _ replacement: String) async throws {
    let fixture = try await TokenFixture()
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let plain = String(decoding: try encoder.encode(fixture.claims()), as: UTF8.self)
    #expect(plain.contains(find))
    let changed = plain.replacingOccurrences(of: find, with: replacement)
    #expect(await fixture.refusal(of: try fixture.forged(header: fixture.header(), payload: changed)) == .invalid)
  }

  @Test("a thousand tokens do not make the cache grow beyond its bound, and all stay verifiable")
  func boundedCache() async throws {
    let fixture = try await TokenFixture(cacheCapacity: 4)
    var tokens: [String] = []
    for number in 0..<20 { tokens.append(try await fixture.token { $0.tokenID = "t\(number)" }) }
    for token in tokens + tokens { #expect(await fixture.refusal(of: token) == nil) }
  }
}
