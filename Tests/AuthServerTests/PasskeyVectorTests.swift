import AuthAPI
import Crypto
import Foundation
import GravityContracts
import Testing

@testable import AuthServer

/// WebAuthn Level 3 §16, in `Tests/Vectors/webauthn.json`.
@Suite struct PasskeyVectorTests {
  struct Vector: Decodable, Sendable, CustomTestStringConvertible {
    struct Registration: Decodable, Sendable {
      var challenge, credential_id, clientDataJSON, attestationObject: String
    }
    struct Authentication: Decodable, Sendable { var challenge, authenticatorData, clientDataJSON, signature: String }
    var name: String
    var registration: Registration
    var authentication: Authentication
    var testDescription: String { name }
  }

  private struct File: Decodable { var vectors: [Vector] }

  static let all: [Vector] = {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try? Data(contentsOf: tests.appending(path: "Vectors/webauthn.json"))
    return data.flatMap { try? JSONDecoder().decode(File.self, from: $0) }?.vectors ?? []
  }()

  private static let party = RelyingParty(id: "example.org", origins: ["https://example.org"])

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit - 48 : digit - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
  }

  private static func text(_ hex: String) -> String { Data(bytes(hex)).base64URLEncodedString() }

  @Test("there are twelve") func count() { #expect(Self.all.count == 12) }

  @Test("a registration is read, its words are checked, and its key verifies the assertion", arguments: all)
  func vector(_ vector: Vector) throws {
    let (made, used) = (vector.registration, vector.authentication)
    let client = try ClientData(Self.bytes(made.clientDataJSON))
    #expect(client.challenge == Self.text(made.challenge))
    let isForeign = vector.name.contains("Origin")
    if isForeign {
      #expect(throws: PasskeyFault.crossOrigin) { try client.check(.registration, for: Self.party) }
    } else {
      try client.check(.registration, for: Self.party)
    }
    #expect(throws: PasskeyFault.ceremony) { try client.check(.assertion, for: Self.party) }
    let authData = try #require(try CBOR(Self.bytes(made.attestationObject))["authData"]?.bytes)
    let data = try AuthenticatorData(authData)
    let credential = try #require(data.credential)
    #expect(credential.id == Self.bytes(made.credential_id) && data.signCount == 0)
    #expect(data.domainHash == Self.party.idHash && data.flags.contains(.userPresent))
    guard !vector.name.contains("ES384") else {
      #expect(throws: PasskeyFault.algorithm) { try CredentialPublicKey(credential.key) }
      return
    }
    let key = try CredentialPublicKey(kept: credential.keyBytes)
    var signed = Self.bytes(used.authenticatorData)
    signed.append(contentsOf: SHA256.hash(data: Self.bytes(used.clientDataJSON)))
    var other = signed
    other[other.count - 1] ^= 1
    let signature = Self.bytes(used.signature)
    #expect(key.isSignature(signature, of: signed))
    #expect(!key.isSignature(signature, of: other))
    #expect(!key.isSignature(Array(signature.dropLast()), of: signed) && !key.isSignature([], of: signed))
    try whole(vector, data, isForeign: isForeign)
  }

  /// As the endpoints take it: also what this platform asks for, that the person was verified.
  private func whole(_ vector: Vector, _ data: AuthenticatorData, isForeign: Bool) throws {
    let (made, used) = (vector.registration, vector.authentication)
    let credential = RegistrationCredential(
      id: Self.text(made.credential_id),
      response: .init(
        clientDataJSON: Self.text(made.clientDataJSON), attestationObject: Self.text(made.attestationObject)))
    let client = try ClientData(Self.bytes(made.clientDataJSON))
    let registered = Result { try RegisteredPasskey(credential, client, for: Self.party) }
    guard !isForeign, data.flags.contains(.userVerified) else {
      #expect(throws: isForeign ? PasskeyFault.crossOrigin : .notVerified) { try registered.get() }
      return
    }
    let row = PasskeyRow(
      id: UUID(), accountID: UUID(), try registered.get(), name: "Key", createdAt: Date())
    let assertion = try SignedAssertion(
      AssertionCredential(
        id: Self.text(made.credential_id),
        response: .init(
          clientDataJSON: Self.text(used.clientDataJSON), authenticatorData: Self.text(used.authenticatorData),
          signature: Self.text(used.signature), userHandle: nil)))
    #expect(assertion.client.challenge == Self.text(used.challenge))
    let said = Result { try assertion.verified(by: row, for: Self.party) }
    let flags = try AuthenticatorData(Self.bytes(used.authenticatorData)).flags
    if flags.contains(.userVerified) {
      #expect(try said.get().flags == flags)
    } else {
      #expect(throws: PasskeyFault.notVerified) { try said.get() }
    }
  }
}
