public import GravityContracts

extension FieldBounds {
  fileprivate static let passkeyName = FieldBounds.plainText(100)
  /// Of a credential, at most 1 023 bytes (WebAuthn Level 3 §4).
  fileprivate static let credentialID = base64URL(1364)
  fileprivate static func base64URL(_ greatest: Int) -> FieldBounds {
    .text(1...greatest, pattern: "^[A-Za-z0-9_-]+$")
  }
}

extension NewPasskey: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["name": .passkeyName] }
}

extension PasskeyUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["name": .passkeyName] }
}

extension RegistrationCredential: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["id": .credentialID] }
}

extension RegistrationCredential.Response: FieldBounded {
  /// An attestation statement may hold a chain of certificates, though it is not asked for.
  public static var bounds: [String: FieldBounds] {
    [
      "clientDataJSON": .base64URL(8192), "attestationObject": .base64URL(65_536),
      "transports": .items(0...16, each: .text(1...32)),
    ]
  }
}

extension AssertionCredential: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["id": .credentialID] }
}

extension AssertionCredential.Response: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "clientDataJSON": .base64URL(8192), "authenticatorData": .base64URL(8192), "signature": .base64URL(2048),
      "userHandle": .base64URL(86),
    ]
  }
}
