import GravityContracts

/// What a browser made: `RegistrationResponseJSON` of WebAuthn Level 3 §5.1.8, as `PublicKeyCredential.toJSON` writes
/// it. Members that are not here are not read.
public struct RegistrationCredential: Codable, Sendable, Hashable {
  public struct Response: Codable, Sendable, Hashable {
    /// In base64url.
    public var clientDataJSON: String
    /// CBOR in base64url.
    public var attestationObject: String
    public var transports: [String]?

    public init(clientDataJSON: String, attestationObject: String, transports: [String]? = nil) {
      self.clientDataJSON = clientDataJSON
      self.attestationObject = attestationObject
      self.transports = transports
    }

    enum CodingKeys: String, CodingKey { case clientDataJSON, attestationObject, transports }
  }

  /// In base64url; at most 1 023 bytes.
  public var id: String
  public var type: PasskeyCredentialType
  public var response: Response

  public init(id: String, response: Response) {
    self.id = id
    type = .publicKey
    self.response = response
  }

  enum CodingKeys: String, CodingKey { case id, type, response }
}

/// What a browser signed: `AuthenticationResponseJSON` of WebAuthn Level 3 §5.1.8.
public struct AssertionCredential: Codable, Sendable, Hashable {
  public struct Response: Codable, Sendable, Hashable {
    /// In base64url, as everything here.
    public var clientDataJSON: String
    public var authenticatorData: String
    public var signature: String
    /// Whose it is: needed where nobody said before who they are.
    public var userHandle: String?

    public init(clientDataJSON: String, authenticatorData: String, signature: String, userHandle: String?) {
      self.clientDataJSON = clientDataJSON
      self.authenticatorData = authenticatorData
      self.signature = signature
      self.userHandle = userHandle
    }

    enum CodingKeys: String, CodingKey { case clientDataJSON, authenticatorData, signature, userHandle }
  }

  public var id: String
  public var type: PasskeyCredentialType
  public var response: Response

  public init(id: String, response: Response) {
    self.id = id
    type = .publicKey
    self.response = response
  }

  enum CodingKeys: String, CodingKey { case id, type, response }
}

/// WebAuthn Level 3 §5.8.2.
public enum PasskeyCredentialType: String, Codable, Sendable, CaseIterable {
  case publicKey = "public-key"
}

public struct PasskeyLogin: Codable, Sendable {
  public var credential: AssertionCredential
  public init(credential: AssertionCredential) { self.credential = credential }
}
