import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import Synchronization
import Testing

@Suite struct KeySourceTests {
  struct Away: Error {}

  /// A key server that counts its calls and can go away.
  final class Server: Sendable {
    private let state = Mutex<(keys: [JSONWebKey], calls: Int, isAway: Bool)>(([], 0, false))
    var calls: Int { state.withLock { $0.calls } }
    func publish(_ keys: [JSONWebKey]) { state.withLock { $0.keys = keys } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
    func document() throws -> Data {
      let keys = try state.withLock { state in
        state.calls += 1
        if state.isAway { throw Away() }
        return state.keys
      }
      return try JSONEncoder().encode(JSONWebKeySet(keys: keys))
    }
  }

  private let server = Server()
  private let clock = TestClock()
  private let first = P256.Signing.PrivateKey()
  private let second = P256.Signing.PrivateKey()

  private func source() -> FetchedKeySource {
    FetchedKeySource(minimumInterval: 5, maximumAge: 300, now: { [clock] in clock.now }) { [server] in
      try server.document()
    }
  }

  @Test("a key that is new at the issuer is found, and old ones stay while it is away")
  func rotation() async throws {
    let (a, b) = (JSONWebKey(first.publicKey), JSONWebKey(second.publicKey))
    server.publish([a])
    let source = source()
    #expect(try await source.key(for: a.keyID)?.keyID == a.keyID)
    server.publish([a, b])
    #expect(try await source.key(for: b.keyID) == nil, "asked less than five seconds ago")
    clock.advance(5)
    #expect(try await source.key(for: b.keyID) != nil)
    server.setAway(true)
    clock.advance(1000)
    #expect(try await source.key(for: a.keyID) != nil, "last known good")
    await #expect(throws: TokenRefusal.self) { try await source.key(for: "new") }
  }

  @Test("a withdrawn key is refused once the set was read again")
  func withdrawal() async throws {
    let (a, b) = (JSONWebKey(first.publicKey), JSONWebKey(second.publicKey))
    server.publish([a, b])
    let source = source()
    #expect(try await source.key(for: a.keyID) != nil)
    server.publish([b])
    clock.advance(301)
    #expect(try await source.key(for: a.keyID) == nil)
  }

  @Test("a thousand invented key ids at once ask the issuer once")
  func stampede() async throws {
    server.publish([JSONWebKey(first.publicKey)])
    let source = source()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<1000 {
        group.addTask { await #expect(throws: Never.self) { try await source.key(for: "invented-\(number)") } }
      }
    }
    #expect(server.calls == 1)
  }

  @Test("an issuer that was never reached makes tokens unavailable, not invalid, and is asked again later")
  func neverReached() async throws {
    let a = JSONWebKey(first.publicKey)
    server.publish([a])
    server.setAway(true)
    let source = source()
    for _ in 0..<3 {
      await #expect(throws: TokenRefusal(.unavailable, "the issuer's keys cannot be read")) {
        try await source.key(for: a.keyID)
      }
    }
    #expect(server.calls == 1)
    server.setAway(false)
    clock.advance(5)
    #expect(try await source.key(for: a.keyID) != nil)
  }

  @Test("the thumbprint is that of RFC 7638, and a key survives the way through JSON")
  func thumbprint() async throws {
    let key = JSONWebKey(first.publicKey)
    let members = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\(key.x)\",\"y\":\"\(key.y)\"}"
    #expect(Data(SHA256.hash(data: Data(members.utf8))).base64URLEncodedString() == key.keyID)
    #expect(key.keyID == key.thumbprint && key.keyID.count == 43)
    let document = try JSONEncoder().encode(JSONWebKeySet(keys: [key]))
    #expect(try JSONWebKeySet(document: document).keys == [key])
    #expect(key.publicKey?.rawRepresentation == first.publicKey.rawRepresentation)
  }

  @Test("keys of other kinds and points off the curve are passed over")
  func otherKinds() throws {
    let rsa =
      #"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r"},{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ","kid":"e"}]}"#
    let set = try JSONWebKeySet(document: Data(rsa.utf8))
    #expect(set.keys.count == 1 && set.keys[0].publicKey == nil)
  }

  @Test("the key and signature of RFC 7515 A.3 verify")
  func rfc7515() throws {
    let json = #"""
      {"keys":[{"kty":"EC","crv":"P-256","kid":"a3","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
      """#
    let key = try #require(try JSONWebKeySet(document: Data(json.utf8)).keys.first?.publicKey)
    let input =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    let signature = try #require(
      Data(
        base64URLEncoded:
          "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"))
    #expect(key.isValidSignature(try .init(rawRepresentation: signature), for: Data(input.utf8)))
  }
}
