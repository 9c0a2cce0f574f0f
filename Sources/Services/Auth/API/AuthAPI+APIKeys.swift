public import GravityContracts

// MARK: - API keys

extension AuthAPI {
  /// The reply bears a secret, so it is not kept: no `Idempotency-Key`. Whoever calls must have logged in themselves: no
  /// client and no key makes keys.
  public static let createAPIKey = Endpoint<NewAPIKey, CreatedAPIKey>(
    "createAPIKey", .post, "/api/v1/auth/api-keys", access: .authenticated,
    summary: "Make a key for a device or a script; it is shown this once", success: 201,
    problems: ["exceeds_own_permissions", "login_required", "too_many_keys", "insufficient_user_authentication"])

  public static let apiKeys = Endpoint<PageRequest, Page<APIKey>>(
    "apiKeys", .get, "/api/v1/auth/api-keys", access: .authenticated, summary: "One's keys, newest first")

  public static let revokeAPIKey = Endpoint<APIKeyID, Empty>(
    "revokeAPIKey", .delete, "/api/v1/auth/api-keys/{id}", access: .authenticated,
    summary: "End a key, and the tokens that came of it", owned: true, problems: ["not_found", "login_required"])

  /// For gateways: services only.
  public static let exchangeAPIKey = Endpoint<APIKeyExchange, APIKeyToken>(
    "exchangeAPIKey", .post, "/api/v1/auth/api-keys/exchange", access: .service,
    summary: "A key's access token, for as long as such a token lives", problems: ["invalid_api_key"])
}
