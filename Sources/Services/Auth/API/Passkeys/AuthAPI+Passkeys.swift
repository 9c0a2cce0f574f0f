public import GravityContracts

// MARK: - Passkeys (WebAuthn Level 3)

extension AuthAPI {
  static let passkeyEndpoints: [any EndpointDescription] = [
    passkeyOptions, registerPasskey, passkeys, renamePasskey, removePasskey, passkeyLoginOptions, loginWithPasskey,
    passkeyStepUpOptions, passkeySignInOptions, signInWithPasskey, passkeyPage, passkeyPageOptions, changePasskeys,
  ]

  /// Holds a challenge, so it is not kept: no `Idempotency-Key`.
  public static let passkeyOptions = Endpoint<Empty, PasskeyCreationOptions>(
    "passkeyOptions", .post, "/api/v1/auth/passkeys/options", access: .authenticated,
    summary: "What navigator.credentials.create makes a passkey of; good once, for five minutes",
    problems: [
      "passkeys_unavailable", "too_many_passkeys", "login_required", "insufficient_user_authentication", "busy",
    ])

  public static let registerPasskey = Endpoint<NewPasskey, Passkey>(
    "registerPasskey", .post, "/api/v1/auth/passkeys", access: .authenticated,
    summary: "Sign in with this passkey from now on (WebAuthn Level 3 §7.1)", success: 201,
    problems: [
      "passkeys_unavailable", "invalid_passkey", "passkey_exists", "too_many_passkeys", "login_required",
    ])

  public static let passkeys = Endpoint<Empty, PasskeyList>(
    "passkeys", .get, "/api/v1/auth/passkeys", access: .authenticated, summary: "One's passkeys, by age")

  public static let renamePasskey = Endpoint<PasskeyUpdate, Passkey>(
    "renamePasskey", .patch, "/api/v1/auth/passkeys/{id}", access: .authenticated, summary: "Call a passkey otherwise",
    owned: true, problems: ["not_found", "login_required"])

  public static let removePasskey = Endpoint<PasskeyID, Empty>(
    "removePasskey", .delete, "/api/v1/auth/passkeys/{id}", access: .authenticated,
    summary: "Sign in with that passkey no more; ends every other session, and the last way in stays", owned: true,
    problems: ["not_found", "last_way_in", "login_required", "insufficient_user_authentication"])

  public static let passkeyLoginOptions = Endpoint<Empty, PasskeyRequestOptions>(
    "passkeyLoginOptions", .post, "/api/v1/auth/login/passkey/options", access: .public,
    summary: "What navigator.credentials.get signs; good once, for five minutes",
    problems: ["passkeys_unavailable", "busy"])

  public static let loginWithPasskey = Endpoint<PasskeyLogin, Tokens>(
    "loginWithPasskey", .post, "/api/v1/auth/login/passkey", access: .public,
    summary: "Exchange what a passkey signed for tokens (WebAuthn Level 3 §7.2)",
    problems: ["passkeys_unavailable", "invalid_passkey", "account_suspended", "email_unverified", "too_many_attempts"])

  public static let passkeyStepUpOptions = Endpoint<Empty, PasskeyRequestOptions>(
    "passkeyStepUpOptions", .post, "/api/v1/auth/step-up/passkey/options", access: .authenticated,
    summary: "What one of one's own passkeys signs, to prove again who one is",
    problems: ["passkeys_unavailable", "no_passkey", "login_required", "busy"])

  // MARK: The pages

  public static let passkeySignInOptions = Endpoint<PasskeySignInStart, PasskeyRequestOptions>(
    "passkeySignInOptions", .post, "/oauth/sign-in/passkey/options", access: .public,
    summary: "What the sign-in page's button asks for", problems: ["passkeys_unavailable", "form_expired", "busy"])

  public static let signInWithPasskey = Endpoint<PasskeySignInForm, Content>(
    "signInWithPasskey", .post, "/oauth/sign-in/passkey", access: .public,
    summary: "The form of the sign-in page's button", otherSuccess: [303], body: .form, problems: ["form_expired"],
    produces: page)

  public static let passkeyPage = Endpoint<Empty, Content>(
    "passkeyPage", .get, "/oauth/passkeys", access: .public,
    summary: "The page where somebody sees, adds and removes their passkeys", problems: ["passkeys_unavailable"],
    produces: page)

  public static let passkeyPageOptions = Endpoint<PasskeyPageStart, PasskeyCreationOptions>(
    "passkeyPageOptions", .post, "/oauth/passkeys/options", access: .public,
    summary: "What that page's button asks for",
    problems: ["passkeys_unavailable", "form_expired", "too_many_passkeys", "busy"])

  /// What that page sends.
  public static let changePasskeys = Endpoint<PasskeyForm, Content>(
    "changePasskeys", .post, "/oauth/passkeys", access: .public, summary: "The forms of that page", otherSuccess: [303],
    body: .form, problems: ["form_expired", "invalid_passkey", "last_way_in"], produces: page)
}
