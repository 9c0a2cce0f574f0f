import AuthAPI
import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityPersonalData
import UserAPI

/// What auth knows of a person. All of it goes but the account's id, which is never given out again. Failed attempts
/// are kept under hashes that name nobody, and expire by themselves.
struct AccountPersonalData: PersonalDataStore {
  let core: AuthCore
  let revocations: Revocations

  /// Kinds, and the tables whose rows of an account go.
  private static let tables: [(kind: String, table: SQL)] = [
    ("sessions", "sessions"), ("api_keys", "api_keys"), ("consents", "consents"),
    ("one_time_tokens", "one_time_tokens"), ("authorization_codes", "authorization_codes"),
    ("mail_requests", "mail_requests"), ("second_factors", "totp_factors"), ("recovery_codes", "recovery_codes"),
    ("second_factor_challenges", "second_factor_challenges"), ("device_authorizations", "device_authorizations"),
    ("linked_identities", "linked_identities"), ("provider_visits", "provider_visits"),
    ("passkeys", "passkeys"), ("passkey_users", "passkey_users"), ("passkey_challenges", "passkey_challenges"),
  ]

  func inventory(of user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    guard let row = try AccountStore(transaction).find(user) else { return PersonalDataCounts() }
    var counts = PersonalDataCounts(kept: ["account_ids": 1])
    // It goes once there is another one: nobody could make one any more.
    if try AccountStore(transaction).isLastAdministrator(row) { counts.waiting[AuthAPI.lastAdministrator] = 1 }
    if row.status != .deleted { counts.erased["accounts"] = 1 }
    for (kind, table) in Self.tables {
      let count: Int64 = try transaction.scalar("SELECT count(*) FROM \(table) WHERE account_id = \(user)") ?? 0
      if count > 0 { counts.erased[kind] = count }
    }
    if let email = row.email {
      let unnamed: Int64 =
        try transaction.scalar(
          "SELECT count(*) FROM mail_requests WHERE email = \(email) AND account_id IS NULL") ?? 0
      if unnamed > 0 { counts.erased["mail_requests", default: 0] += unnamed }
    }
    return counts
  }

  func erase(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    let counts = try inventory(of: user, in: transaction)
    let store = AccountStore(transaction)
    guard var row = try store.find(user) else { return counts }
    guard counts.waiting.isEmpty else { return PersonalDataCounts(kept: counts.kept, waiting: counts.waiting) }
    let now = try core.now(transaction)
    if let email = row.email {
      try transaction.execute("DELETE FROM mail_requests WHERE email = \(email) AND account_id IS NULL")
    }
    if row.status != .deleted {
      (row.email, row.name, row.passwordHash, row.emailVerified) = (nil, "", nil, false)
      row.status = .deleted
      row.epoch += 1
      row = try store.update(row, at: now)
      try store.setRoles([], of: user)
      // Everybody hears of it from the table: this process too, within its next look.
      try RevocationStore(transaction).insert([revocations.subject(user, epoch: row.epoch, now: now)])
      try core.events.record(.userDeleted(account: user), in: transaction)
    }
    _ = try revocations.endSessions(of: user, besides: nil, core.events, transaction, now)
    try AccountChangeStore(transaction).forgetReasons(of: user)
    for (_, table) in Self.tables { try transaction.execute("DELETE FROM \(table) WHERE account_id = \(user)") }
    return counts
  }

  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage {
    try PersonalDataPage(of: Self.sections(user), after: cursor, limit: limit, in: transaction)
  }

  private static func sections(_ user: UUID) -> [PersonalDataSection] {
    [
      PersonalDataSection { after, _, transaction in
        guard after == nil, let row = try AccountStore(transaction).find(user) else { return [] }
        let account = row.account(roles: try AccountStore(transaction).roles(of: user))
        return [(user, try PersonalDataItem(kind: "account", account))]
      },
      PersonalDataSection { after, limit, transaction in
        try transaction.rows(
          """
          SELECT id, user_agent, address, created_at, expires_at, revoked_at FROM sessions
          WHERE account_id = \(user) \(Self.after(after)) ORDER BY id LIMIT \(limit)
          """
        ).map { row in
          let session = KeptSession(
            id: try row.get("id"), userAgent: try row.get("user_agent"), address: try row.get("address"),
            createdAt: try row.get("created_at"), expiresAt: try row.get("expires_at"),
            revokedAt: try row.get("revoked_at"))
          return (session.id, try PersonalDataItem(kind: "session", session))
        }
      },
      PersonalDataSection { after, limit, transaction in
        try transaction.rows(
          """
          SELECT id, name, created_at, expires_at, last_used_at FROM api_keys
          WHERE account_id = \(user) \(Self.after(after)) ORDER BY id LIMIT \(limit)
          """
        ).map { row in
          let key = KeptKey(
            id: try row.get("id"), name: try row.get("name"), createdAt: try row.get("created_at"),
            expiresAt: try row.get("expires_at"), lastUsedAt: try row.get("last_used_at"))
          return (key.id, try PersonalDataItem(kind: "api_key", key))
        }
      },
      PersonalDataSection { after, limit, transaction in
        let after: SQL = after.map { "AND client_id > \($0)" } ?? ""
        return try transaction.rows(
          """
          SELECT client_id, granted_at FROM consents WHERE account_id = \(user) \(after) ORDER BY client_id LIMIT \(limit)
          """
        ).map { row in
          let consent = KeptConsent(clientID: try row.get("client_id"), grantedAt: try row.get("granted_at"))
          return (consent.clientID, try PersonalDataItem(kind: "app_consent", consent))
        }
      },
      PersonalDataSection { after, limit, transaction in
        try transaction.rows(
          """
          SELECT id, issuer, subject, email, linked_at, last_used_at FROM linked_identities
          WHERE account_id = \(user) \(Self.after(after)) ORDER BY id LIMIT \(limit)
          """
        ).map { row in
          let identity = KeptIdentity(
            id: try row.get("id"), issuer: try row.get("issuer"), subject: try row.get("subject"),
            email: try row.get("email"), linkedAt: try row.get("linked_at"), lastUsedAt: try row.get("last_used_at"))
          return (identity.id, try PersonalDataItem(kind: "linked_identity", identity))
        }
      },
      PersonalDataSection { after, limit, transaction in
        try transaction.rows(
          """
          SELECT id, name, transports, backed_up, created_at, last_used_at FROM passkeys
          WHERE account_id = \(user) \(Self.after(after)) ORDER BY id LIMIT \(limit)
          """
        ).map { row in
          let passkey = Passkey(
            id: try row.get("id"), name: try row.get("name"),
            transports: try row.get("transports", as: String.self).split(separator: " ").map(String.init),
            backedUp: try row.get("backed_up"), createdAt: try row.get("created_at"),
            lastUsedAt: try row.get("last_used_at"))
          return (passkey.id, try PersonalDataItem(kind: "passkey", passkey))
        }
      },
    ]
  }

  private static func after(_ id: UUID?) -> SQL { id.map { "AND id > \($0)" } ?? "" }
}

private struct KeptSession: Encodable {
  var id: UUID
  var userAgent: String?
  var address: String
  var createdAt: Date
  var expiresAt: Date
  var revokedAt: Date?

  enum CodingKeys: String, CodingKey {
    case id, address
    case userAgent = "user_agent"
    case createdAt = "created_at"
    case expiresAt = "expires_at"
    case revokedAt = "revoked_at"
  }
}

private struct KeptKey: Encodable {
  var id: UUID
  var name: String
  var createdAt: Date
  var expiresAt: Date?
  var lastUsedAt: Date?

  enum CodingKeys: String, CodingKey {
    case id, name
    case createdAt = "created_at"
    case expiresAt = "expires_at"
    case lastUsedAt = "last_used_at"
  }
}

private struct KeptIdentity: Encodable {
  var id: UUID
  var issuer: String
  var subject: String
  var email: String?
  var linkedAt: Date
  var lastUsedAt: Date?

  enum CodingKeys: String, CodingKey {
    case id, issuer, subject, email
    case linkedAt = "linked_at"
    case lastUsedAt = "last_used_at"
  }
}

private struct KeptConsent: Encodable {
  var clientID: UUID
  var grantedAt: Date

  enum CodingKeys: String, CodingKey {
    case clientID = "client_id"
    case grantedAt = "granted_at"
  }
}

extension AuthService {
  var personalData: PersonalDataHolder {
    PersonalDataHolder(
      service: AuthAPI.service, store: AccountPersonalData(core: core, revocations: revocations), outbox: core.events)
  }

  /// What the service does when others tell of users: forget who is to be erased.
  public var userEvents: [EventHandler] {
    let holder = personalData
    return [
      .on(UserEvents.erasureRequested) { event, transaction in try holder.erase(event.payload.userID, in: transaction) }
    ]
  }

  func bindPersonalData(_ routes: inout Routes) {
    let (holder, database) = (personalData, core.database)
    routes.on(PersonalDataAPI.inventory(of: AuthAPI.service)) { request, _ in
      try await holder.inventory(request, in: database)
    }
    routes.on(PersonalDataAPI.items(of: AuthAPI.service)) { request, _ in
      try await holder.items(request, in: database)
    }
  }
}
