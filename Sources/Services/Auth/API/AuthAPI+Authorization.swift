public import GravityContracts

// MARK: - Authorization with a browser

extension AuthAPI {
  static let page = "text/html; charset=utf-8"

  /// RFC 6749 §4.1.1 with PKCE (RFC 7636), OpenID Connect Core §3.1.2. A page to sign in at or to consent on, or a way
  /// back to the client.
  public static let authorize = Endpoint<AuthorizationQuery, Content>(
    "authorize", .get, "/oauth/authorize", access: .public,
    summary: "Ask somebody, in their browser, to let a client in (RFC 6749 §4.1)", otherSuccess: [303],
    produces: page)

  /// The same as a form (OpenID Connect Core §3.1.2.1).
  public static let authorizeByForm = Endpoint<AuthorizationQuery, Content>(
    "authorizeByForm", .post, "/oauth/authorize", access: .public,
    summary: "The same, its fields in a form", otherSuccess: [303], body: .form, produces: page)

  /// What the sign-in page sends.
  public static let signIn = Endpoint<SignInForm, Content>(
    "signIn", .post, "/oauth/sign-in", access: .public, summary: "The sign-in page's form", otherSuccess: [303],
    body: .form, problems: ["form_expired"], produces: page)

  /// What the consent page sends.
  public static let consent = Endpoint<ConsentForm, Content>(
    "consent", .post, "/oauth/consent", access: .public, summary: "The consent page's form", otherSuccess: [303],
    body: .form, problems: ["form_expired"], produces: page)

  /// OpenID Connect Core §5.3. The token's scope must have `openid`.
  public static let userInfo = Endpoint<Empty, UserInfo>(
    "userInfo", .get, "/oauth/userinfo", access: .public, summary: "Who somebody is (OpenID Connect Core §5.3)",
    problems: ["invalid_token", "insufficient_scope"])

  public static let userInfoByPost = Endpoint<Empty, UserInfo>(
    "userInfoByPost", .post, "/oauth/userinfo", access: .public, summary: "The same by POST",
    problems: ["invalid_token", "insufficient_scope"])
}
