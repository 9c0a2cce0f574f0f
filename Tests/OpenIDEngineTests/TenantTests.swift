import AuthServer
import Crypto
import Foundation
import GravityContracts
import Logging
import Testing

@testable import OpenIDEngine

/// A provider that serves many tenants under one client, as Entra does.
@Suite("Tenants of an OpenID provider")
struct TenantTests {
  private static let now = Date(timeIntervalSince1970: 1_900_000_000)
  private static let template = "https://login.example/{tenantid}/v2.0"
  private static let (one, other) = ("0e8d1f0a-5b0c-4a53-9d5f-0d3a4a1f6a11", "9188040d-6c67-4c5b-b112-36a304b66dad")
  private static let request = ProviderRequest(
    state: "s", nonce: "n", codeVerifier: String(repeating: "v", count: 43), redirectURI: "https://id.example/back")

  private static func issuer(_ tenant: String) -> String { template.replacing("{tenantid}", with: tenant) }

  /// What stands in an ID token, and beside the key.
  private struct Said: Sendable {
    var issuer = TenantTests.issuer(TenantTests.one)
    var tenant: String? = TenantTests.one
    var keyIssuer: String? = TenantTests.template
    var metadataIssuer = TenantTests.template
  }

  private static func provider(_ said: Said) throws -> OpenIDProvider {
    let key = P256.Signing.PrivateKey()
    let send: OpenIDTransport = { exchange throws(OpenIDError) in
      do { return (200, try answer(to: exchange.url.absoluteString, said, key)) } catch {
        throw OpenIDError("\(error)")
      }
    }
    return try OpenIDProvider(
      issuer: template, tenants: "organizations", client: .init(id: "c", secret: "s"),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { now }, send: send)
  }

  private static func answer(to url: String, _ said: Said, _ key: P256.Signing.PrivateKey) throws -> Data {
    switch url {
    case "https://login.example/organizations/v2.0/.well-known/openid-configuration":
      return try JSONEncoder().encode([
        "issuer": said.metadataIssuer, "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example/token", "jwks_uri": "https://login.example/keys",
      ])
    case "https://login.example/keys":
      let raw = key.publicKey.rawRepresentation
      var entry = [
        "kty": "EC", "crv": "P-256", "kid": "k", "x": Data(raw.prefix(32)).base64URLEncodedString(),
        "y": Data(raw.suffix(32)).base64URLEncodedString(),
      ]
      entry["issuer"] = said.keyIssuer
      return try JSONEncoder().encode(["keys": [entry]])
    case "https://login.example/token":
      var claims: [String: JSONValue] = [
        "iss": .string(said.issuer), "sub": "ada", "aud": "c", "nonce": "n", "exp": .integer(1_900_000_060),
        "iat": .integer(1_900_000_000), "email": "ada@example.org",
      ]
      claims["tid"] = said.tenant.map { .string($0) }
      let parts = [Data(#"{"alg":"ES256","kid":"k"}"#.utf8), try JSONEncoder().encode(JSONValue.object(claims))]
      let body = parts.map { $0.base64URLEncodedString() }.joined(separator: ".")
      let signature = try key.signature(for: Data(body.utf8)).rawRepresentation.base64URLEncodedString()
      return try JSONEncoder().encode(["id_token": "\(body).\(signature)"])
    default: throw URLError(.badURL)
    }
  }

  private static func identity(_ said: Said, answeredBy issuer: String? = nil) async throws -> ProviderIdentity {
    try await provider(said).identity(
      from: ProviderAnswer(code: "code", error: nil, issuer: issuer), to: request)
  }

  @Test("people of each tenant come, each under the tenant's own name, and no address of theirs is taken for proved")
  func everyTenant() async throws {
    for tenant in [Self.one, Self.other] {
      let said = Said(issuer: Self.issuer(tenant), tenant: tenant)
      let identity = try await Self.identity(said, answeredBy: tenant == Self.one ? said.issuer : nil)
      #expect(identity.issuer == Self.issuer(tenant) && identity.subject == "ada")
      #expect(identity.email == "ada@example.org" && !identity.emailIsVerified)
      let provider = try Self.provider(said)
      #expect(provider.issuer == Self.template && provider.issues(as: identity.issuer))
    }
    let owned = Said(keyIssuer: Self.issuer(Self.one))
    #expect(try await Self.identity(owned).issuer == Self.issuer(Self.one), "by a key of that tenant")
    #expect(try await Self.identity(Said(keyIssuer: nil)).issuer == Self.issuer(Self.one))
  }

  @Test("no tenant speaks for another, nor anybody for one")
  func forgery() async throws {
    let wrong: [(said: Said, answeredBy: String?)] = [
      (Said(tenant: Self.other), nil), (Said(tenant: nil), nil), (Said(issuer: Self.template), nil),
      (Said(issuer: Self.issuer("common"), tenant: "common"), nil),
      (Said(issuer: Self.issuer(Self.one.uppercased()), tenant: Self.one.uppercased()), nil),
      (Said(issuer: "https://evil.example/\(Self.one)/v2.0"), nil),
      (Said(issuer: Self.issuer("\(Self.one)/v2.0/\(Self.one)"), tenant: Self.one), nil),
      (Said(keyIssuer: Self.issuer(Self.other)), nil), (Said(), Self.issuer(Self.other)), (Said(), Self.template),
    ]
    for (said, answeredBy) in wrong {
      let failure = await #expect(throws: ProviderFailure.self) {
        try await Self.identity(said, answeredBy: answeredBy)
      }
      #expect(failure?.code == .invalid, "\(said), \(answeredBy ?? "")")
    }
    let another = await #expect(throws: ProviderFailure.self) {
      try await Self.identity(Said(metadataIssuer: Self.issuer(Self.one)))
    }
    #expect(another?.code == .unavailable, "it says something else of itself")
  }

  @Test("a template has its place in the path, once; without one an issuer is itself alone")
  func templates() throws {
    for text in ["https://{tenantid}/v2.0", "https://a.example/{tenantid}/{tenantid}", "https://a.example/x{tenantid}"]
    {
      #expect(OpenIDIssuer(text) == nil, "\(text)")
    }
    let plain = try #require(OpenIDIssuer(Self.issuer(Self.one)))
    #expect(!plain.isTemplate && plain.matches(Self.issuer(Self.one)) && !plain.matches(Self.issuer(Self.other)))
    #expect(plain.matches(Self.issuer(Self.one), tenant: nil) && plain.mayKey(of: "whoever", signFor: plain.text))
  }
}
