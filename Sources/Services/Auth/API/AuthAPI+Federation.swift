public import GravityContracts

// MARK: - Signing in with another provider

extension AuthAPI {
  static let federationEndpoints: [any EndpointDescription] = [
    startAtProvider, returnFromProvider, returnFromProviderByForm, linkPage, identities, linkIdentity, unlinkIdentity,
  ]

  /// What "Continue with …" on the sign-in page leads to, and the page that asks before an identity is linked.
  public static let startAtProvider = Endpoint<ProviderStart, Content>(
    "startAtProvider", .get, "/oauth/providers/{provider}", access: .public,
    summary: "Go and sign in at another OpenID provider", otherSuccess: [303],
    problems: ["unknown_provider", "provider_unavailable", "form_expired"], produces: page)

  /// The redirect URI to be registered at the provider: the issuer's address and this path.
  public static let returnFromProvider = Endpoint<ProviderReturn, Content>(
    "returnFromProvider", .get, "/oauth/providers/{provider}/callback", access: .public,
    summary: "Back from another OpenID provider (OpenID Connect Core §3.1.2.5)", otherSuccess: [303],
    problems: ["unknown_provider", "form_expired"], produces: page)

  /// From a provider that sends the browser back with a form (OAuth 2.0 Form Post Response Mode). No cookie comes with
  /// what another site posts, so it goes on to ``returnFromProvider``.
  public static let returnFromProviderByForm = Endpoint<ProviderReturn, Content>(
    "returnFromProviderByForm", .post, "/oauth/providers/{provider}/callback", access: .public,
    summary: "The same from a provider that posts (response_mode=form_post), which leads on to there",
    otherSuccess: [303], body: .form, problems: ["unknown_provider", "form_expired"], produces: page)

  public static let linkPage = Endpoint<LinkTicket, Content>(
    "linkPage", .get, "/oauth/providers/{provider}/link", access: .public,
    summary: "The page that says which account another provider is connected with, before it is",
    problems: ["unknown_provider", "form_expired"], produces: page)

  public static let identities = Endpoint<Empty, LinkedIdentityList>(
    "identities", .get, "/api/v1/auth/identities", access: .authenticated,
    summary: "With which providers one can sign in to one's account, and with which one could")

  /// An authorization for one browser, so it is not kept: no `Idempotency-Key`.
  public static let linkIdentity = Endpoint<NewLinkedIdentity, IdentityLink>(
    "linkIdentity", .post, "/api/v1/auth/identities", access: .authenticated,
    summary: "An address to open in one's browser, where the provider is connected with one's account", success: 201,
    problems: [
      "unknown_provider", "already_linked", "login_required", "insufficient_user_authentication", "busy",
    ])

  public static let unlinkIdentity = Endpoint<LinkedIdentityID, Empty>(
    "unlinkIdentity", .delete, "/api/v1/auth/identities/{id}", access: .authenticated,
    summary: "Sign in with that provider no more; the last way in stays", owned: true,
    problems: ["not_found", "last_way_in", "login_required", "insufficient_user_authentication"])
}
