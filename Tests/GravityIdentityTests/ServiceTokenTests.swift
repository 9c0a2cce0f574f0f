import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import Testing

@Suite struct ServiceTokenTests {
  private let masterKey = MasterKey()
  private let clock = TestClock()

  private func verifier(_ issuers: [JWTVerifier.Issuer]) -> JWTVerifier {
    JWTVerifier(issuers: issuers, revocations: RevocationList(maximumAge: nil), now: { [clock] in clock.now })
  }

  @Test("a service knows another by the master key, for a minute")
  func accepted() async throws {
    let signer = try await ServiceTokenSigner(service: "order", masterKey: masterKey, now: { [clock] in clock.now })
    let verifier = verifier([try await .services(masterKey: masterKey)])
    let token = try await signer.token(permissions: ["inventory:reserve"])
    let principal = try await verifier.verify(token)
    #expect(principal.isService && principal.subject == "order" && principal.satisfies(.service))
    #expect(principal.may("inventory:reserve") && !principal.satisfies(.authenticated))
    clock.advance(91)
    await #expect(throws: TokenRefusal(.expired, "expired")) { try await verifier.verify(token) }
  }

  @Test("a token is signed once for half its life, and anew for other permissions")
  func kept() async throws {
    let signer = try await ServiceTokenSigner(service: "order", masterKey: masterKey, now: { [clock] in clock.now })
    let first = try await signer.token(permissions: ["inventory:reserve"])
    clock.advance(29)
    #expect(try await signer.token(permissions: ["inventory:reserve"]) == first)
    #expect(try await signer.token(permissions: ["payments:write"]) != first)
    clock.advance(1)
    let second = try await signer.token(permissions: ["inventory:reserve"])
    #expect(second != first)
    // What was set back is older than it looks.
    clock.advance(-3_600)
    #expect(try await signer.token(permissions: ["inventory:reserve"]) != second)
  }

  @Test("a verifier without the service issuer, as the gateway has, refuses it")
  func notFromOutside() async throws {
    let fixture = try await TokenFixture()
    let token = try await ServiceTokenSigner(service: "order", masterKey: masterKey, now: { [clock] in clock.now })
      .token()
    #expect(await fixture.refusal(of: token) == .invalid)
  }

  @Test("what auth issues for services speaks for one where that is believed, is revoked like any, and else is refused")
  func issued() async throws {
    let key = P256.Signing.PrivateKey()
    let keys = try await FixedKeySource(JSONWebKeySet(keys: [JSONWebKey(key.publicKey)]))
    let revocations = RevocationList(maximumAge: nil)
    let service = JWTVerifier(
      issuers: [.init(name: "auth", audience: "gravity", keys: keys, serviceAudience: ServiceToken.audience)],
      revocations: revocations, now: { [clock] in clock.now })
    let gateway = verifier([.init(name: "auth", audience: "gravity", keys: keys)])
    let signer = try await TokenSigner(key)
    func token(for audience: [String]) async throws -> String {
      try await signer.sign(
        TokenClaims(
          issuer: "auth", subject: "c", audience: audience, issuedAt: clock.now, expiresAt: clock.now + 900,
          tokenID: "t", permissions: ["a:b"], scope: ["a:b"], clientID: "c"))
    }
    let own = try await token(for: [ServiceToken.audience])
    let principal = try await service.verify(own)
    #expect(principal.isService && principal.satisfies(.service) && principal.may("a:b"))
    #expect(!principal.satisfies(.authenticated))
    await #expect(throws: TokenRefusal(.invalid, "for another audience")) { try await gateway.verify(own) }
    let usual = try await service.verify(try await token(for: ["gravity"]))
    #expect(!usual.isService && !usual.satisfies(.service))
    let both = try await service.verify(try await token(for: ["gravity", ServiceToken.audience]))
    #expect(!both.isService, "it could have come through the gateway")
    revocations.insert([Revocation(.token("t"), expiresAt: clock.now + 900)], now: clock.now)
    await #expect(throws: TokenRefusal(.revoked, "revoked")) { try await service.verify(own) }
  }

  @Test("neither another master key nor auth's key makes a service")
  func otherKeys() async throws {
    let services = try await JWTVerifier.Issuer.services(masterKey: masterKey)
    let foreign = try await ServiceTokenSigner(service: "order", masterKey: MasterKey(), now: { [clock] in clock.now })
      .token()
    let auth = P256.Signing.PrivateKey()
    let keys = try await FixedKeySource(JSONWebKeySet(keys: [JSONWebKey(auth.publicKey)]))
    let verifier = verifier([.init(name: "auth", audience: "gravity", keys: keys), services])
    await #expect(throws: TokenRefusal(.invalid, "the signature is wrong")) { try await verifier.verify(foreign) }
    let disguised = try await TokenSigner(auth).sign(
      TokenClaims(
        issuer: ServiceToken.issuer, subject: "order", audience: [ServiceToken.audience], issuedAt: clock.now,
        expiresAt: clock.now + 60, tokenID: "t"))
    await #expect(throws: TokenRefusal(.invalid, "signed with a key that is not known")) {
      try await verifier.verify(disguised)
    }
  }

  @Test("one master key gives one service key, and each label another secret")
  func derivation() async throws {
    let bytes = Array(UInt8(0)..<32)
    let (one, two) = (try MasterKey(bytes: bytes), try MasterKey(bytes: bytes))
    #expect(one.derive("a") == two.derive("a") && one.derive("a") != one.derive("b"))
    #expect(one.authenticationCode("a", Data("m".utf8)) != one.authenticationCode("b", Data("m".utf8)))
  }
}
