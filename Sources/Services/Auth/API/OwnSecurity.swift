public import GravityContracts

/// What its owner gets into an account with.
public struct OwnSecurity: Codable, Sendable, Hashable {
  /// Whether there is one; who has none sets one by ``AuthAPI/recover``.
  public var hasPassword: Bool
  /// Whether a login with the password asks for a second factor.
  public var hasSecondFactor: Bool
  /// How many passkeys there are.
  public var passkeys: Int

  public init(hasPassword: Bool, hasSecondFactor: Bool, passkeys: Int) {
    self.hasPassword = hasPassword
    self.hasSecondFactor = hasSecondFactor
    self.passkeys = passkeys
  }

  enum CodingKeys: String, CodingKey {
    case passkeys
    case hasPassword = "has_password"
    case hasSecondFactor = "has_second_factor"
  }
}

extension AuthAPI {
  /// Apart from ``me``, whose ETag is the account's version: that does not change with a passkey.
  public static let ownSecurity = Endpoint<Empty, OwnSecurity>(
    "ownSecurity", .get, "/api/v1/auth/me/security", access: .authenticated,
    summary: "Whether one's account has a password, a second factor and passkeys")
}
