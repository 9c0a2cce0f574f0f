public import GravityContracts

// MARK: - Clients

extension AuthAPI {
  /// The reply bears a secret, so it is not kept: no `Idempotency-Key`.
  public static let createClient = Endpoint<NewClient, CreatedClient>(
    "createClient", .post, "/api/v1/auth/clients", access: .permission("clients:write"),
    summary: "Make a client; its secret is shown this once", success: 201, problems: ["exceeds_own_permissions"])

  public static let clients = Endpoint<PageRequest, Page<Client>>(
    "clients", .get, "/api/v1/auth/clients", access: .permission("clients:read"), summary: "Clients by age")

  public static let client = Endpoint<ClientID, Client>(
    "client", .get, "/api/v1/auth/clients/{id}", access: .permission("clients:read"), problems: ["not_found"])

  public static let updateClient = Endpoint<ClientUpdate, Client>(
    "updateClient", .patch, "/api/v1/auth/clients/{id}", access: .permission("clients:write"),
    summary: "Change a client; other scopes or grants, or turning it off, revoke its tokens", precondition: .accepted,
    problems: ["not_found", "client_protected", "exceeds_own_permissions"])

  public static let deleteClient = Endpoint<ClientID, Empty>(
    "deleteClient", .delete, "/api/v1/auth/clients/{id}", access: .permission("clients:write"),
    summary: "Delete a client and revoke its tokens", precondition: .accepted,
    problems: ["not_found", "client_protected", "exceeds_own_permissions"])

  public static let createClientSecret = Endpoint<ClientID, CreatedClientSecret>(
    "createClientSecret", .post, "/api/v1/auth/clients/{id}/secrets", access: .permission("clients:write"),
    summary: "Make a second secret, to replace the first without an interruption", success: 201,
    problems: ["not_found", "too_many_secrets", "no_secrets", "exceeds_own_permissions"])

  public static let deleteClientSecret = Endpoint<ClientSecretID, Empty>(
    "deleteClientSecret", .delete, "/api/v1/auth/clients/{id}/secrets/{secret}",
    access: .permission("clients:write"), summary: "Delete a secret, at once; never the last one",
    problems: ["not_found", "last_secret", "exceeds_own_permissions"])
}

// MARK: - OAuth 2.1

extension AuthAPI {
  public static let token = Endpoint<TokenRequest, TokenReply>(
    "token", .post, "/oauth/token", access: .public, summary: "Exchange a grant for tokens (RFC 6749 §3.2)",
    body: .form,
    problems: [
      "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
      "invalid_scope", "invalid_target",
    ], errors: .oauth)

  public static let introspect = Endpoint<TokenQuestion, Introspection>(
    "introspect", .post, "/oauth/introspect", access: .public,
    summary: "What a token is worth, for the client that has it or one that may ask (RFC 7662)", body: .form,
    problems: ["invalid_request", "invalid_client"], errors: .oauth)

  /// RFC 7009. 200 also for a token that is not known. A token that a client got only that client can revoke.
  public static let revokeToken = Endpoint<TokenQuestion, Empty>(
    "revokeToken", .post, "/oauth/revoke", access: .public, summary: "Revoke a token (RFC 7009)", success: 200,
    body: .form, problems: ["invalid_request", "invalid_client", "unauthorized_client"], errors: .oauth)

  public static let serverMetadata = Endpoint<Empty, ServerMetadata>(
    "serverMetadata", .get, "/.well-known/oauth-authorization-server", access: .public,
    summary: "What the authorization server can do (RFC 8414)")

  public static let openIDConfiguration = Endpoint<Empty, ServerMetadata>(
    "openIDConfiguration", .get, "/.well-known/openid-configuration", access: .public,
    summary: "What the OpenID provider can do (OpenID Connect Discovery)")
}
