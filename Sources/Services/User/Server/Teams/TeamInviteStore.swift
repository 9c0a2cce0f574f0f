import Foundation
import GravityData
import UserAPI

struct TeamInviteRow: SQLRecord, Hashable {
  enum State: String, SQLBindable, SQLDecodable { case pending, accepted, declined, revoked }

  var id: UUID
  var team: UUID
  /// As accounts keep addresses.
  var email: String
  var role: TeamRole
  var state: State
  var invitedBy: UUID?
  /// Counts up with every mail; the token is made of it.
  var generation: Int64
  /// SHA-256 of the token.
  var tokenHash: [UInt8]
  var days: Int
  var createdAt: Date
  var sentAt: Date
  var expiresAt: Date
  /// When it was answered or revoked.
  var endedAt: Date?

  init(
    id: UUID, team: UUID, email: String, role: TeamRole, by user: UUID, tokenHash: [UInt8], days: Int, at time: Date
  ) {
    self.id = id
    self.team = team
    self.email = email
    self.role = role
    state = .pending
    invitedBy = user
    generation = 1
    self.tokenHash = tokenHash
    self.days = days
    createdAt = time
    sentAt = time
    expiresAt = time + TimeInterval(days) * 86_400
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    team = try row.get("team_id")
    email = try row.get("email")
    role = try row.get("role")
    state = try row.get("state")
    invitedBy = try row.get("invited_by")
    generation = try row.get("generation")
    tokenHash = try row.get("token_hash")
    days = try row.get("days")
    createdAt = try row.get("created_at")
    sentAt = try row.get("sent_at")
    expiresAt = try row.get("expires_at")
    endedAt = try row.get("ended_at")
  }

  func invite(at now: Date) -> TeamInvite {
    TeamInvite(
      id: id, teamID: team, email: email, role: role, state: expiresAt > now ? .pending : .expired,
      invitedBy: invitedBy, createdAt: createdAt, sentAt: sentAt, expiresAt: expiresAt)
  }
}

/// The tables `team_invites` and `team_invite_mails`, the last for the bounds on how many are sent; knows no other.
struct TeamInviteStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "team_invites",
      """
      id \(type: .uuid) PRIMARY KEY, team_id \(type: .uuid) NOT NULL, email \(type: .text) NOT NULL,
      role \(type: .text) NOT NULL, state \(type: .text) NOT NULL, invited_by \(type: .uuid),
      generation \(type: .bigint) NOT NULL, token_hash \(type: .bytea) NOT NULL, days \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, sent_at \(type: .timestamptz) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL, ended_at \(type: .timestamptz)
      """),
    "CREATE UNIQUE INDEX team_invites_pending ON team_invites (team_id, email) WHERE state = 'pending'",
    "CREATE UNIQUE INDEX team_invites_token ON team_invites (token_hash)",
    "CREATE INDEX team_invites_email ON team_invites (email, id)",
    "CREATE INDEX team_invites_inviter ON team_invites (invited_by)",
    "CREATE INDEX team_invites_expires_at ON team_invites (expires_at)",
    .table(
      "team_invite_mails",
      """
      id \(type: .uuid) PRIMARY KEY, sender \(type: .uuid) NOT NULL, email \(type: .text) NOT NULL,
      at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX team_invite_mails_sender ON team_invite_mails (sender, at)",
    "CREATE INDEX team_invite_mails_email ON team_invite_mails (email, at)",
    "CREATE INDEX team_invite_mails_at ON team_invite_mails (at)",
  ]

  private static let columns: SQL = """
    id, team_id, email, role, state, invited_by, generation, token_hash, days, created_at, sent_at, expires_at, ended_at
    """

  func find(_ id: UUID) throws -> TeamInviteRow? {
    try transaction.first("SELECT \(Self.columns) FROM team_invites WHERE id = \(id)")
  }

  func find(token hash: [UInt8]) throws -> TeamInviteRow? {
    try transaction.first("SELECT \(Self.columns) FROM team_invites WHERE token_hash = \(hash)")
  }

  func pending(_ email: String, in team: UUID) throws -> TeamInviteRow? {
    try transaction.first(
      """
      SELECT \(Self.columns) FROM team_invites WHERE team_id = \(team) AND email = \(email) AND state = 'pending'
      """)
  }

  /// Those that nobody answered, by age.
  func pending(in team: UUID, after: UUID?, limit: Int) throws -> [TeamInviteRow] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM team_invites WHERE team_id = \(team) AND state = 'pending' \(after)
      ORDER BY id LIMIT \(limit)
      """)
  }

  /// Those that somebody was sent, by age.
  func list(to email: String, after: UUID?, limit: Int) throws -> [TeamInviteRow] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.all(
      "SELECT \(Self.columns) FROM team_invites WHERE email = \(email) \(after) ORDER BY id LIMIT \(limit)")
  }

  /// Those that can be accepted.
  func count(livingIn team: UUID, at now: Date) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM team_invites WHERE team_id = \(team) AND state = 'pending' AND expires_at > \(now)
      """) ?? 0
  }

  func insert(_ row: TeamInviteRow) throws {
    try transaction.execute(
      """
      INSERT INTO team_invites (\(Self.columns))
      VALUES (\(row.id), \(row.team), \(row.email), \(row.role), \(row.state), \(row.invitedBy), \(row.generation),
        \(row.tokenHash), \(row.days), \(row.createdAt), \(row.sentAt), \(row.expiresAt), \(row.endedAt))
      """)
  }

  func update(_ row: TeamInviteRow) throws {
    try transaction.execute(
      """
      UPDATE team_invites SET state = \(row.state), generation = \(row.generation), token_hash = \(row.tokenHash),
        sent_at = \(row.sentAt), expires_at = \(row.expiresAt), ended_at = \(row.endedAt)
      WHERE id = \(row.id)
      """)
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM team_invites WHERE id = \(id)") }

  func deleteAll(of team: UUID) throws { try transaction.execute("DELETE FROM team_invites WHERE team_id = \(team)") }

  /// The address belongs to nobody any more.
  func deleteAll(to email: String) throws {
    try transaction.execute("DELETE FROM team_invites WHERE email = \(email)")
    try transaction.execute("DELETE FROM team_invite_mails WHERE email = \(email)")
  }

  /// Those that the person sent stay the team's.
  func forgetInviter(_ user: UUID) throws {
    try transaction.execute("UPDATE team_invites SET invited_by = NULL WHERE invited_by = \(user)")
    try transaction.execute("DELETE FROM team_invite_mails WHERE sender = \(user)")
  }

  /// Deletes some of those that ended, or expired, before `time`.
  func deleteOld(before time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM team_invites WHERE id IN (
        SELECT id FROM team_invites WHERE expires_at <= \(time) ORDER BY expires_at LIMIT \(limit))
      """)
  }

  // MARK: Mails

  func insertMail(_ id: UUID, by user: UUID, to email: String, at now: Date) throws {
    try transaction.execute(
      "INSERT INTO team_invite_mails (id, sender, email, at) VALUES (\(id), \(user), \(email), \(now))")
  }

  /// How many mails somebody had sent since then, and how many were sent to an address.
  func mails(by user: UUID, to email: String, since time: Date) throws -> (sent: Int, received: Int) {
    let sent: Int =
      try transaction.scalar("SELECT count(*) FROM team_invite_mails WHERE sender = \(user) AND at > \(time)") ?? 0
    let received: Int =
      try transaction.scalar("SELECT count(*) FROM team_invite_mails WHERE email = \(email) AND at > \(time)") ?? 0
    return (sent, received)
  }

  func deleteMails(before time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM team_invite_mails WHERE id IN (
        SELECT id FROM team_invite_mails WHERE at <= \(time) ORDER BY at LIMIT \(limit))
      """)
  }
}
