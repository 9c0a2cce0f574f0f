public import GravityContracts

// MARK: - What administrators see of accounts, and their sessions

extension AuthAPI {
  public static let accountSecurity = Endpoint<AccountID, AccountSecurity>(
    "accountSecurity", .get, "/api/v1/auth/accounts/{id}/security", access: .permission("accounts:read"),
    summary: "What is known of an account's safety, and what administrators did to it", problems: ["not_found"])

  public static let accountSessions = Endpoint<AccountSessionsQuery, Page<Session>>(
    "accountSessions", .get, "/api/v1/auth/accounts/{id}/sessions", access: .permission("accounts:read"),
    summary: "An account's open sessions, newest first", problems: ["not_found"])

  public static let revokeAccountSession = Endpoint<AccountSessionID, Empty>(
    "revokeAccountSession", .delete, "/api/v1/auth/accounts/{id}/sessions/{session}",
    access: .permission("accounts:write"), summary: "End one of an account's sessions",
    problems: ["not_found", "exceeds_own_permissions"])

  /// API keys stay.
  public static let revokeAccountSessions = Endpoint<AccountID, Empty>(
    "revokeAccountSessions", .delete, "/api/v1/auth/accounts/{id}/sessions", access: .permission("accounts:write"),
    summary: "End all of an account's sessions, and every token that it got until now",
    problems: ["not_found", "exceeds_own_permissions"])

  public static let roleHolders = Endpoint<Empty, RoleHolderCounts>(
    "roleHolders", .get, "/api/v1/auth/role-holders", access: .permission("roles:read"),
    summary: "How many accounts hold each role")
}
