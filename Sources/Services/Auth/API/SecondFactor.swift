public import Foundation

public struct SecondFactorStatus: Codable, Sendable, Hashable {
  /// Whether a login asks for it.
  public var enabled: Bool
  public var enrolledAt: Date?
  /// Of ten.
  public var recoveryCodesLeft: Int

  public init(enabled: Bool, enrolledAt: Date?, recoveryCodesLeft: Int) {
    self.enabled = enabled
    self.enrolledAt = enrolledAt
    self.recoveryCodesLeft = recoveryCodesLeft
  }

  enum CodingKeys: String, CodingKey {
    case enabled
    case enrolledAt = "enrolled_at"
    case recoveryCodesLeft = "recovery_codes_left"
  }
}

/// What an authenticator app is given: SHA-1, six digits, 30 seconds, as all of them expect.
public struct TOTPEnrolment: Codable, Sendable, Hashable {
  /// 160 bits in base32, to type. Shown this once.
  public var secret: String
  /// `otpauth://totp/…`, to show as a QR code.
  public var uri: String
  /// When it ends unless a code of it came back.
  public var expiresAt: Date

  public init(secret: String, uri: String, expiresAt: Date) {
    self.secret = secret
    self.uri = uri
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case secret, uri
    case expiresAt = "expires_at"
  }
}

/// Of an authenticator app.
public struct OneTimeCode: Codable, Sendable {
  public var code: String
  public init(code: String) { self.code = code }
}

/// Each works once in the place of an authenticator's code. Shown this once.
public struct RecoveryCodes: Codable, Sendable, Hashable {
  public var codes: [String]
  public init(codes: [String]) { self.codes = codes }
}

public struct SecondFactorLogin: Codable, Sendable {
  /// The member `challenge` of the problem `mfa_required`.
  public var challenge: String
  /// Of the authenticator app, or a recovery code.
  public var code: String

  public init(challenge: String, code: String) {
    self.challenge = challenge
    self.code = code
  }
}

/// A passkey in any case; else a code where the account has a second factor, its password where it has none.
public struct StepUpRequest: Codable, Sendable {
  public var code: String?
  public var password: String?
  /// What one of the account's passkeys signed.
  public var passkey: AssertionCredential?

  public init(code: String? = nil, password: String? = nil, passkey: AssertionCredential? = nil) {
    self.code = code
    self.password = password
    self.passkey = passkey
  }
}

/// The session goes on with its refresh token.
public struct SteppedUp: Codable, Sendable, Hashable {
  public var accessToken: String
  /// `Bearer`.
  public var tokenType: String
  /// Seconds.
  public var expiresIn: Int

  public init(accessToken: String, expiresIn: Int) {
    self.accessToken = accessToken
    tokenType = "Bearer"
    self.expiresIn = expiresIn
  }

  enum CodingKeys: String, CodingKey {
    case accessToken = "access_token"
    case tokenType = "token_type"
    case expiresIn = "expires_in"
  }
}

/// The form of the page that asks for a code.
public struct SecondFactorForm: Codable, Sendable {
  public var challenge: String?
  public var code: String?
  /// What the client asked for.
  public var request: String?
  /// Proves that the page is ours.
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case challenge, code, request
    case formToken = "form_token"
  }
}
