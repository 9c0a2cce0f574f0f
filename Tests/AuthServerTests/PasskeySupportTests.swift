import Foundation
import Testing

@testable import AuthServer

@Suite struct PasskeySupportTests {
  private static func support(
    _ issuer: String, _ domain: String? = nil, _ origins: [String] = []
  ) throws -> PasskeySupport {
    var configuration = AuthConfiguration()
    (configuration.issuer, configuration.passkeyDomain, configuration.passkeyOrigins) = (issuer, domain, origins)
    return try PasskeySupport(configuration)
  }

  @Test("the issuer's host is the domain and its origin the first, as browsers write them")
  func issuer() throws {
    let examples = [
      "https://Id.Example.org": ("id.example.org", "https://id.example.org"),
      "https://id.example.org:443/": ("id.example.org", "https://id.example.org"),
      "https://id.example.org:8443": ("id.example.org", "https://id.example.org:8443"),
      "http://localhost:8000": ("localhost", "http://localhost:8000"),
      "http://localhost:80": ("localhost", "http://localhost"),
      "http://a.localhost": ("a.localhost", "http://a.localhost"),
      "https://intranet": ("intranet", "https://intranet"),
    ]
    for (issuer, (domain, origin)) in examples {
      let party = try #require(try Self.support(issuer).party, "\(issuer)")
      #expect(party.id == domain && party.origins == [origin], "\(issuer)")
    }
  }

  @Test("where the issuer is an address, or no secure context, there are none, and why is told")
  func none() throws {
    let examples = [
      "http://127.0.0.1:8000": "IP address", "https://192.0.2.1": "IP address",
      "https://[2001:db8::1]:8443": "IP address",
      "http://id.example.org": "https", "gravity": "no web address", "https://": "no web address",
    ]
    for (issuer, word) in examples {
      guard case .unavailable(let reason) = try Self.support(issuer) else {
        Issue.record("\(issuer) has passkeys")
        continue
      }
      #expect(reason.contains(word) && reason.contains("GRAVITY_ISSUER"), "\(issuer): \(reason)")
      #expect(throws: AuthConfigurationError.self) { try Self.support(issuer, "example.org") }
      #expect(throws: AuthConfigurationError.self) { try Self.support(issuer, nil, ["https://example.org"]) }
    }
  }

  @Test("a domain above the host, origins beneath it and apps are taken, others end the start")
  func settings() throws {
    let app = "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck"
    let party = try #require(
      try Self.support(
        "https://id.example.org", "Example.org", ["https://shop.example.org", "https://example.org:8443", app]
      )
      .party)
    #expect(party.id == "example.org")
    #expect(
      party.origins == [
        "https://id.example.org", "https://shop.example.org", "https://example.org:8443", app,
      ])
    for domain in ["org", ".org", "ample.org", "other.example.org", "example.com", "id.example.org.", "", "."] {
      #expect(throws: AuthConfigurationError.self, "\(domain)") { try Self.support("https://id.example.org", domain) }
    }
    for origin in [
      "http://id.example.org", "https://example.org", "https://example.com", "https://127.0.0.1", "null", "",
      "android:apk-key-hash:", "android:apk-key-hash:AAAA", "https://a@id.example.org", "ftp://id.example.org",
    ] {
      #expect(throws: AuthConfigurationError.self, "\(origin)") {
        try Self.support("https://id.example.org", nil, [origin])
      }
    }
  }
}
