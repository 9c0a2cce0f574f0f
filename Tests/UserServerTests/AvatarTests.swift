import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct AvatarTests {
  @Test(
    "an avatar is an address on the web, which is kept, taken away, and gone with its user", arguments: Engine.available
  )
  func life(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      #expect(try await users.me(alice).value.avatarURL == nil)
      let address = "https://cdn.example.org/a/alice.png?size=200"
      func set(_ value: Any) async throws -> Testbed.Reply<Profile> {
        try await users.send(UserAPI.updateProfile, nil, ["avatar_url": value], token: alice.token)
      }
      #expect(try await set(address).value.avatarURL == address)
      #expect(try await users.me(alice).value.avatarURL == address)
      #expect(try await set(NSNull()).value.avatarURL == nil)
      _ = try await set(address)
      let refused = try await set("http://cdn.example.org/a.png")
      #expect(refused.status == 422 && refused.problem?.errors?.first?.field == "avatar_url")
      #expect(try await users.me(alice).value.avatarURL == address)
      try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) }
      let row = try await users.database.rows("SELECT avatar_url FROM users WHERE id = \(alice.id)").first
      #expect(try row?.get("avatar_url", as: String?.self) == nil && row != nil)
    }
  }

  @Test("what is no address that a browser may load safely is refused")
  func refused() {
    for text in [
      "", "cdn.example.org/a.png", "http://example.org/a.png", "javascript:alert(1)", "data:image/png;base64,AAAA",
      "https://", "https:///a.png", "https://user:secret@example.org/a.png", "https://user@example.org/a.png",
      "https://example.org/a b.png", "https://example.org/\u{0}", "https://example.org/\n", "//example.org/a.png",
      "https://example.org:0/a.png", "https://example.org:99999/a.png", "https://exa\"mple.org/",
      "https://example.org/<x>",
      "https://example.org/" + String(repeating: "a", count: 2_048), "ftp://example.org/a.png", "https://-/",
      "https://example.org/é.png",
    ] {
      #expect(AvatarURL(text) == nil, "\(text)")
    }
    for text in [
      "https://example.org/a.png", "https://example.org:8443/a.png?x=1&y=%20", "https://xn--bcher-kva.example/a.webp",
      "https://[2001:db8::1]/a.png",
    ] {
      #expect(AvatarURL(text)?.text == text, "\(text)")
    }
    #expect(AvatarURL("HTTPS://example.org/a.png")?.text == "HTTPS://example.org/a.png")
  }
}
