public import GravityContracts

// MARK: - The second factor

extension AuthAPI {
  public static let secondFactor = Endpoint<Empty, SecondFactorStatus>(
    "secondFactor", .get, "/api/v1/auth/second-factor", access: .authenticated,
    summary: "Whether one's account has a second factor, and how many recovery codes are left")

  /// The reply bears a secret, so it is not kept: no `Idempotency-Key`. Asked again it gives another secret.
  public static let enrolTOTP = Endpoint<Empty, TOTPEnrolment>(
    "enrolTOTP", .post, "/api/v1/auth/second-factor/totp", access: .authenticated,
    summary: "A secret for an authenticator app; it counts once a code of it came back", success: 201,
    problems: ["already_enrolled", "login_required", "insufficient_user_authentication"])

  public static let confirmTOTP = Endpoint<OneTimeCode, RecoveryCodes>(
    "confirmTOTP", .post, "/api/v1/auth/second-factor/totp/confirm", access: .authenticated,
    summary: "Turn the second factor on with a code; ends every other session, and shows the recovery codes once",
    problems: ["not_enrolling", "invalid_code", "too_many_attempts", "login_required"])

  public static let removeTOTP = Endpoint<Empty, Empty>(
    "removeTOTP", .delete, "/api/v1/auth/second-factor/totp", access: .authenticated,
    summary: "Turn the second factor off; ends every other session",
    problems: ["not_enrolled", "login_required", "insufficient_user_authentication"])

  public static let renewRecoveryCodes = Endpoint<Empty, RecoveryCodes>(
    "renewRecoveryCodes", .post, "/api/v1/auth/second-factor/recovery-codes", access: .authenticated,
    summary: "New recovery codes, shown this once; the earlier ones end", success: 201,
    problems: ["not_enrolled", "login_required", "insufficient_user_authentication"])

  /// What a login that was answered `mfa_required` goes on with.
  public static let completeLogin = Endpoint<SecondFactorLogin, Tokens>(
    "completeLogin", .post, "/api/v1/auth/login/second-factor", access: .public,
    summary: "Exchange a login's challenge and a code for tokens",
    problems: ["invalid_challenge", "invalid_code", "too_many_attempts"])

  /// RFC 9470: what to do about `insufficient_user_authentication`. A client of OAuth asks at `/oauth/authorize` instead,
  /// with `acr_values` and `max_age`.
  public static let stepUp = Endpoint<StepUpRequest, SteppedUp>(
    "stepUp", .post, "/api/v1/auth/step-up", access: .authenticated,
    summary: "Prove again who one is: an access token of this session that says so",
    problems: [
      "invalid_code", "invalid_credentials", "invalid_passkey", "too_many_attempts", "busy", "login_required",
    ])

  public static let resetSecondFactor = Endpoint<AccountID, Empty>(
    "resetSecondFactor", .delete, "/api/v1/auth/accounts/{id}/second-factor", access: .permission("accounts:write"),
    summary: "Take somebody's second factor away, who lost it and their recovery codes; ends their sessions",
    problems: ["not_found", "not_enrolled", "exceeds_own_permissions", "insufficient_user_authentication"])

  /// What the page that asks for a code sends.
  public static let signInCode = Endpoint<SecondFactorForm, Content>(
    "signInCode", .post, "/oauth/second-factor", access: .public, summary: "The form of the page that asks for a code",
    otherSuccess: [303], body: .form, problems: ["form_expired"], produces: "text/html; charset=utf-8")
}
