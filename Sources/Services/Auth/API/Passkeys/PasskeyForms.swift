/// What the button "Sign in with a passkey" asks for its options with.
public struct PasskeySignInStart: Codable, Sendable {
  /// What a client asked for.
  public var request: String?
  /// Proves that the page is ours.
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case request
    case formToken = "form_token"
  }
}

/// The form of that button.
public struct PasskeySignInForm: Codable, Sendable {
  /// An ``AssertionCredential`` as JSON.
  public var credential: String?
  public var request: String?
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case credential, request
    case formToken = "form_token"
  }
}

/// What the button "Add a passkey" asks for its options with.
public struct PasskeyPageStart: Codable, Sendable {
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey { case formToken = "form_token" }
}

/// The forms of the page of one's passkeys: one adds, one removes.
public struct PasskeyForm: Codable, Sendable {
  public var name: String?
  /// A ``RegistrationCredential`` as JSON.
  public var credential: String?
  /// Of the passkey that is to go.
  public var remove: String?
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case name, credential, remove
    case formToken = "form_token"
  }
}
