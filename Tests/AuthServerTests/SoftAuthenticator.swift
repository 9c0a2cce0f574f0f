import AuthAPI
import Crypto
import Foundation
import GravityContracts
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

/// An authenticator with one passkey, and the browser that speaks to it. What a test changes in a ``Use`` is what an
/// attacker, a broken device or another site would make.
struct SoftAuthenticator: Sendable {
  static let origin = "https://id.example.org"
  static let domain = "id.example.org"

  let key = P256.Signing.PrivateKey()
  let credentialID: [UInt8]
  /// Known since it was registered.
  var handle: String?

  init(idSize: Int = 32) { credentialID = AuthService.systemRandomBytes(idSize) }

  /// How it is used once.
  struct Use: Sendable {
    var challenge: String
    var type: String
    var origin = SoftAuthenticator.origin
    var more: [String: String] = ["crossOrigin": "false"]
    var domain = SoftAuthenticator.domain
    /// UP, UV.
    var flags: UInt8 = 0b101
    var count: UInt32 = 0
    var format = "none"
    var statement: [UInt8] = [0xA0]
    /// Instead of its own.
    var publicKey: [UInt8]?
    var transports: [String]? = ["internal", "hybrid"]
    var following: [UInt8] = []
  }

  private func client(_ use: Use) -> Data {
    let more = use.more.sorted { $0.key < $1.key }.map { ",\"\($0.key)\":\($0.value)" }.joined()
    return Data(
      "{\"type\":\"\(use.type)\",\"challenge\":\"\(use.challenge)\",\"origin\":\"\(use.origin)\"\(more)}".utf8)
  }

  private func head(_ use: Use, _ flags: UInt8) -> [UInt8] {
    var data = Array(SHA256.hash(data: Data(use.domain.utf8)))
    data.append(use.flags | flags)
    withUnsafeBytes(of: use.count.bigEndian) { data.append(contentsOf: $0) }
    return data
  }

  /// A COSE key.
  var publicKey: [UInt8] {
    let point = Array(key.publicKey.rawRepresentation)
    var key: [UInt8] = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]
    key += Self.bytes(Array(point[..<32]))
    key.append(0x22)
    key += Self.bytes(Array(point[32...]))
    return key
  }

  /// What `credential.toJSON()` is after `navigator.credentials.create`.
  func make(_ challenge: String, _ change: (inout Use) -> Void = { _ in }) -> [String: Any] {
    var use = Use(challenge: challenge, type: "webauthn.create")
    change(&use)
    var data = head(use, 1 << 6)
    data += [UInt8](repeating: 0, count: 16)
    data.append(UInt8(credentialID.count >> 8))
    data.append(UInt8(credentialID.count & 0xFF))
    data += credentialID
    data += use.publicKey ?? publicKey
    data += use.following
    var object: [UInt8] = [0xA3]
    object += Self.text("fmt")
    object += Self.text(use.format)
    object += Self.text("attStmt")
    object += use.statement
    object += Self.text("authData")
    object += Self.bytes(data)
    var response: [String: Any] = [
      "clientDataJSON": client(use).base64URLEncodedString(),
      "attestationObject": Data(object).base64URLEncodedString(),
    ]
    if let transports = use.transports { response["transports"] = transports }
    return credential(response)
  }

  /// The same after `navigator.credentials.get`.
  func sign(
    _ challenge: String, handle: String? = nil, by other: P256.Signing.PrivateKey? = nil,
    _ change: (inout Use) -> Void = { _ in }
  ) throws -> [String: Any] {
    var use = Use(challenge: challenge, type: "webauthn.get")
    change(&use)
    let (data, client): ([UInt8], Data) = (head(use, 0) + use.following, client(use))
    var message = data
    message.append(contentsOf: SHA256.hash(data: client))
    let signature = try (other ?? key).signature(for: message).derRepresentation
    var response: [String: Any] = [
      "clientDataJSON": client.base64URLEncodedString(),
      "authenticatorData": Data(data).base64URLEncodedString(), "signature": signature.base64URLEncodedString(),
    ]
    if let handle = handle ?? self.handle { response["userHandle"] = handle }
    return credential(response)
  }

  private func credential(_ response: [String: Any]) -> [String: Any] {
    let id = Data(credentialID).base64URLEncodedString()
    return [
      "id": id, "rawId": id, "type": "public-key", "response": response, "authenticatorAttachment": "platform",
      "clientExtensionResults": [String: Any](),
    ]
  }

  static func bytes(_ bytes: [UInt8]) -> [UInt8] { head(2, bytes.count) + bytes }
  static func text(_ text: String) -> [UInt8] { head(3, text.utf8.count) + Array(text.utf8) }
  private static func head(_ major: UInt8, _ count: Int) -> [UInt8] {
    switch count {
    case ..<24: [major << 5 | UInt8(count)]
    case ..<256: [major << 5 | 24, UInt8(count)]
    default: [major << 5 | 25, UInt8(count >> 8), UInt8(count & 0xFF)]
    }
  }
}

extension AuthFixture {
  /// On a platform whose issuer has a domain.
  static func runWithPasskeys(
    on engine: Engine, issuer: String = SoftAuthenticator.origin,
    _ configure: (inout AuthConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (AuthFixture) async throws -> Void
  ) async throws {
    try await run(
      on: engine,
      {
        $0.issuer = issuer
        configure(&$0)
      }, body)
  }

  func passkeyOptions(_ token: String) async throws -> PasskeyCreationOptions {
    let reply = try await send(AuthAPI.passkeyOptions, token: token)
    #expect(reply.status == 200, "\(reply.text)")
    return try reply.value
  }

  func register(
    _ credential: [String: Any], name: String? = nil, _ token: String
  ) async throws -> Reply<Passkey> {
    var fields: [String: Any] = ["credential": credential]
    if let name { fields["name"] = name }
    return try await send(AuthAPI.registerPasskey, nil, fields, token: token)
  }

  /// A passkey of whoever bears the token.
  func newPasskey(
    _ token: String, name: String? = nil, _ change: (inout SoftAuthenticator.Use) -> Void = { _ in }
  ) async throws -> (authenticator: SoftAuthenticator, passkey: Passkey) {
    let options = try await passkeyOptions(token)
    var authenticator = SoftAuthenticator()
    authenticator.handle = options.user.id
    let reply = try await register(authenticator.make(options.challenge, change), name: name, token)
    #expect(reply.status == 201, "\(reply.text)")
    return (authenticator, try reply.value)
  }

  func passkeyChallenge() async throws -> String {
    let reply = try await send(AuthAPI.passkeyLoginOptions)
    #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
    return try reply.value.challenge
  }

  func login(passkey credential: [String: Any], address: String = "192.0.2.1") async throws -> Reply<Tokens> {
    try await send(AuthAPI.loginWithPasskey, nil, ["credential": credential], address: address)
  }

  func login(
    _ authenticator: SoftAuthenticator, _ change: (inout SoftAuthenticator.Use) -> Void = { _ in }
  ) async throws -> Reply<Tokens> {
    let challenge = try await passkeyChallenge()
    let signed = try authenticator.sign(challenge, change)
    return try await login(passkey: signed)
  }
}
