public import GravityContracts

/// What others may know of the auth service: port 8001, database auth_db.
public enum AuthAPI {
  /// Where the service is found.
  public static let service = "auth"
  public static let standardPort = 8001

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] =
    [
      register, verify, resendVerification, login, refresh, logout, logoutEverywhere, me, sessions, revokeSessions,
      revokeSession, changePassword, ownSecurity, recover, completeRecovery, accounts, account, updateAccount, roles,
      createRole, role,
      updateRole, deleteRole, keys, revokeToken, revocations,
      snapshot, changeEmail, confirmEmail,
      accountSecurity, accountSessions, revokeAccountSession, revokeAccountSessions, roleHolders,
      createClient, clients, client, updateClient, deleteClient, createClientSecret, deleteClientSecret,
      token, introspect, serverMetadata, openIDConfiguration, authorize, authorizeByForm, signIn, consent,
      userInfo, userInfoByPost, createAPIKey, apiKeys, revokeAPIKey, exchangeAPIKey,
      secondFactor, enrolTOTP, confirmTOTP, removeTOTP, renewRecoveryCodes, completeLogin, stepUp, resetSecondFactor,
      signInCode,
    ] + deviceEndpoints + mailEndpoints + federationEndpoints + passkeyEndpoints
}

// MARK: - Accounts

extension AuthAPI {
  /// 201 with the account. Where addresses are verified, 202 without one, for a known address as for an unknown one.
  public static let register = Endpoint<Registration, Registered>(
    "register", .post, "/api/v1/auth/register", access: .public,
    summary: "Open an account (202 without a body's fields where e-mail addresses are verified)", success: 201,
    otherSuccess: [202],
    problems: ["email_taken", "too_many_attempts", "busy"])

  public static let verify = Endpoint<OneTimeToken, Empty>(
    "verify", .post, "/api/v1/auth/verify", access: .public, summary: "Prove an e-mail address with the mailed token",
    problems: ["invalid_token"])

  public static let resendVerification = Endpoint<Address, Empty>(
    "resendVerification", .post, "/api/v1/auth/verify/resend", access: .public,
    summary: "Mail the verification again, if the address waits for it", success: 202)

  public static let me = Endpoint<Empty, Account>(
    "me", .get, "/api/v1/auth/me", access: .authenticated, summary: "The caller's own account")

  public static let changePassword = Endpoint<PasswordChange, Empty>(
    "changePassword", .post, "/api/v1/auth/password", access: .authenticated,
    summary: "Change the password, which ends every other session",
    problems: [
      "invalid_credentials", "login_required", "insufficient_user_authentication", "too_many_attempts", "busy",
    ])

  /// 202 alike whether the address is free or taken: what it leads to is in the mail.
  public static let changeEmail = Endpoint<EmailChange, Empty>(
    "changeEmail", .post, "/api/v1/auth/email", access: .authenticated,
    summary: "Mail a token to another address, which becomes one's own when the token comes back", success: 202,
    problems: [
      "invalid_credentials", "login_required", "insufficient_user_authentication", "too_many_attempts", "busy",
    ])

  public static let confirmEmail = Endpoint<OneTimeToken, Empty>(
    "confirmEmail", .post, "/api/v1/auth/email/confirm", access: .public,
    summary: "Make the new address one's own with the mailed token; the old one is told",
    problems: ["invalid_token", "email_taken"])
}

// MARK: - Sessions

extension AuthAPI {
  public static let login = Endpoint<Credentials, Tokens>(
    "login", .post, "/api/v1/auth/login", access: .public, summary: "Exchange credentials for tokens",
    problems: ["invalid_credentials", "mfa_required", "too_many_attempts", "busy"])

  public static let refresh = Endpoint<RefreshRequest, Tokens>(
    "refresh", .post, "/api/v1/auth/refresh", access: .public,
    summary: "Exchange a refresh token for its successor; an old one again ends the session",
    problems: ["invalid_grant"])

  public static let logout = Endpoint<Empty, Empty>(
    "logout", .post, "/api/v1/auth/logout", access: .authenticated, summary: "End this session")

  public static let logoutEverywhere = Endpoint<Empty, Empty>(
    "logoutEverywhere", .post, "/api/v1/auth/logout-all", access: .authenticated, summary: "End all of one's sessions",
    problems: ["login_required"])

  public static let sessions = Endpoint<PageRequest, Page<Session>>(
    "sessions", .get, "/api/v1/auth/sessions", access: .authenticated, summary: "One's open sessions, newest first")

  public static let revokeSessions = Endpoint<Empty, Empty>(
    "revokeSessions", .delete, "/api/v1/auth/sessions", access: .authenticated,
    summary: "End all of one's sessions but this one", problems: ["login_required"])

  public static let revokeSession = Endpoint<SessionID, Empty>(
    "revokeSession", .delete, "/api/v1/auth/sessions/{id}", access: .authenticated,
    summary: "End one of one's sessions", owned: true, problems: ["not_found", "login_required"])
}

// MARK: - Recovery

extension AuthAPI {
  public static let recover = Endpoint<Address, Empty>(
    "recover", .post, "/api/v1/auth/recovery", access: .public,
    summary: "Mail a token to set a new password with, if the address has an account", success: 202)

  public static let completeRecovery = Endpoint<Recovery, Empty>(
    "completeRecovery", .post, "/api/v1/auth/recovery/complete", access: .public,
    summary: "Set a new password with the mailed token, which ends every session", problems: ["invalid_token", "busy"])
}

// MARK: - Administration

extension AuthAPI {
  /// What an erasure waits for where nobody could administer the platform any more.
  public static let lastAdministrator = "last_administrator"

  public static let accounts = Endpoint<AccountSearch, Page<Account>>(
    "accounts", .get, "/api/v1/auth/accounts", access: .permission("accounts:read"), summary: "Accounts by age")

  public static let account = Endpoint<AccountID, Account>(
    "account", .get, "/api/v1/auth/accounts/{id}", access: .permission("accounts:read"), problems: ["not_found"])

  public static let updateAccount = Endpoint<AccountUpdate, Account>(
    "updateAccount", .patch, "/api/v1/auth/accounts/{id}", access: .permission("accounts:write"),
    summary: "Rename, suspend, reactivate or delete an account, or give it other roles", precondition: .accepted,
    problems: ["not_found", "last_administrator", "status_conflict", "exceeds_own_permissions"])

  public static let roles = Endpoint<Empty, RoleList>(
    "roles", .get, "/api/v1/auth/roles", access: .permission("roles:read"), summary: "All roles")

  public static let createRole = Endpoint<NewRole, Role>(
    "createRole", .post, "/api/v1/auth/roles", access: .permission("roles:write"), success: 201,
    idempotency: .accepted, problems: ["role_exists", "exceeds_own_permissions"])

  public static let role = Endpoint<RoleName, Role>(
    "role", .get, "/api/v1/auth/roles/{name}", access: .permission("roles:read"), problems: ["not_found"])

  public static let updateRole = Endpoint<RoleUpdate, Role>(
    "updateRole", .patch, "/api/v1/auth/roles/{name}", access: .permission("roles:write"), precondition: .accepted,
    problems: ["not_found", "role_protected", "exceeds_own_permissions"])

  public static let deleteRole = Endpoint<RoleName, Empty>(
    "deleteRole", .delete, "/api/v1/auth/roles/{name}", access: .permission("roles:write"),
    summary: "Delete a role and take it from whoever holds it", precondition: .accepted,
    problems: ["not_found", "role_protected", "exceeds_own_permissions"])
}

// MARK: - For verifiers

extension AuthAPI {
  public static let keys = Endpoint<Empty, KeySet>(
    "keys", .get, "/.well-known/jwks.json", access: .public, summary: "The keys that tokens are verified with")

  public static let revocations = Endpoint<RevocationQuery, RevocationFeed>(
    "revocations", .get, "/api/v1/auth/revocations", access: .service,
    summary: "What was revoked after an entry, for gateways in other processes")

  public static let snapshot = Endpoint<SnapshotQuery, SnapshotPage>(
    "snapshot", .get, "/api/v1/auth/snapshot", access: .service,
    summary: "Accounts as the events that led to them, for a service that was not there")
}
