import Foundation
import Logging
import OpenIDEngine
import Testing

@testable import gravity

/// What an operator writes down of other providers.
@Suite struct SignInProvidersTests {
  private static let whole = """
    [{"name": "google", "display_name": "Google", "issuer": "https://accounts.google.com", "client_id": "c",
      "client_secret": "s"},
     {"name": "own", "issuer": "http://127.0.0.1:9999", "client_id": "c", "scopes": ["openid"], "private": true,
      "response_mode": "form_post"}]
    """

  @Test("providers are read from a text as from a file")
  func read() throws {
    let entries = try SignInProviders(Self.whole).entries
    #expect(entries.map(\.name) == ["google", "own"] && entries.map(\.displayName) == ["Google", "own"])
    #expect(entries[0].client.scopes == ["openid", "email", "profile"] && !entries[0].isPrivate)
    #expect(entries[1].client.secret == nil && entries[1].client.scopes == ["openid"] && entries[1].isPrivate)
    #expect(!entries[0].answersByForm && entries[1].answersByForm)
    let file = FileManager.default.temporaryDirectory.appending(path: "providers-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(Self.whole.utf8).write(to: file)
    #expect(try SignInProviders(file.path).entries == entries)
  }

  @Test(
    "a mistake says which entry is wrong and how, and no secret",
    arguments: [
      ("/there/is/no/such/file", "cannot be read"), ("[", "must be a JSON array"),
      ("[1]", "the entry 1 must be an object"),
      (#"[{"name": "a"}]"#, "the entry 1: client_id is missing"),
      (
        #"[{"name": "a", "client_id": "c", "issuer": "https://a.example", "secret": "s3cr3t"}]"#,
        "has secret, which is not"
      ),
      (#"[{"name": "a", "client_id": "c", "issuer": "http://a.example"}]"#, "issuer has to be an https address"),
      (#"[{"name": "a", "client_id": "c", "issuer": "https://a.example?x=1"}]"#, "issuer has to be an https address"),
      (
        #"[{"name": "a", "client_id": "c", "issuer": "http://a.example", "private": true}]"#, "or http on loopback"
      ),
      (#"[{"name": "A b", "client_id": "c", "issuer": "https://a.example"}]"#, "the entry 1: name: must be"),
      (
        #"[{"name": "a", "client_id": "c", "issuer": "https://a.example", "scopes": ["email"]}]"#,
        "openid is one of them"
      ),
      (#"[{"name": "a", "client_id": "c", "issuer": "https://a.example", "scopes": "openid"}]"#, "an array of texts"),
      (#"[{"name": "a", "client_id": "c", "issuer": "https://a.example", "private": 1}]"#, "private must be true or"),
      (
        #"[{"name": "a", "client_id": "c", "issuer": "https://a.example", "response_mode": "fragment"}]"#,
        "response_mode must be query or form_post"
      ),
      (
        #"[{"name": "a", "client_id": "c", "client_secret": "", "issuer": "https://a.example"}]"#,
        "client_secret must be"
      ),
    ])
  func mistakes(text: String, reason: String) throws {
    let failure = #expect(throws: (any Error).self) {
      _ = try SignInProviders(text).providers(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
    let message = "\(failure.map { "\($0)" } ?? "")"
    #expect(message.contains("GRAVITY_AUTH_PROVIDERS") && message.contains(reason), "\(message)")
    #expect(!message.contains("s3cr3t"))
  }
}
