import Foundation
public import GravityData
public import UserAPI

struct TeamMemberRow: SQLRecord, Hashable {
  var team: UUID
  var user: UUID
  var role: TeamRole
  var joinedAt: Date
  var version: Int64

  init(team: UUID, user: UUID, role: TeamRole, at time: Date) {
    self.team = team
    self.user = user
    self.role = role
    joinedAt = time
    version = 1
  }

  init(_ row: SQLRow) throws {
    team = try row.get("team_id")
    user = try row.get("user_id")
    role = try row.get("role")
    joinedAt = try row.get("joined_at")
    version = try row.get("version")
  }

  func member(_ user: UserRow?) -> TeamMember {
    TeamMember(
      userID: self.user, displayName: user?.shownName ?? "", avatarURL: user?.avatarURL,
      role: role, joinedAt: joinedAt, version: version)
  }
}

extension TeamRole: SQLBindable, SQLDecodable {}

/// The table `team_members`; knows no other.
struct TeamMemberStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "team_members",
      """
      team_id \(type: .uuid) NOT NULL, user_id \(type: .uuid) NOT NULL,
      role \(type: .text) NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
      joined_at \(type: .timestamptz) NOT NULL, version \(type: .bigint) NOT NULL, PRIMARY KEY (team_id, user_id)
      """),
    "CREATE INDEX team_members_user ON team_members (user_id, team_id)",
  ]

  private static let columns: SQL = "team_id, user_id, role, joined_at, version"

  func find(_ user: UUID, in team: UUID) throws -> TeamMemberRow? {
    try transaction.first(
      "SELECT \(Self.columns) FROM team_members WHERE team_id = \(team) AND user_id = \(user)")
  }

  /// In the order of users' ids.
  func list(of team: UUID, after: UUID?, limit: Int) throws -> [TeamMemberRow] {
    let after: SQL = after.map { "AND user_id > \($0)" } ?? ""
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM team_members WHERE team_id = \(team) \(after) ORDER BY user_id LIMIT \(limit)
      """)
  }

  /// In the order of teams' ids, which is that of their age.
  func memberships(of user: UUID, after: UUID?, limit: Int) throws -> [TeamMemberRow] {
    let after: SQL = after.map { "AND team_id > \($0)" } ?? ""
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM team_members WHERE user_id = \(user) \(after) ORDER BY team_id LIMIT \(limit)
      """)
  }

  func counts(of teams: [UUID]) throws -> [UUID: Int64] {
    let rows = try transaction.rows(
      "SELECT team_id, count(*) AS count FROM team_members WHERE team_id IN \(list: teams) GROUP BY team_id")
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.get("team_id"), try $0.get("count")) })
  }

  func count(of team: UUID, _ role: TeamRole? = nil) throws -> Int64 {
    let role: SQL = role.map { "AND role = \($0)" } ?? ""
    return try transaction.scalar("SELECT count(*) FROM team_members WHERE team_id = \(team) \(role)") ?? 0
  }

  /// In how many teams somebody is, or has that role.
  func count(ofMember user: UUID, _ role: TeamRole? = nil) throws -> Int64 {
    let role: SQL = role.map { "AND role = \($0)" } ?? ""
    return try transaction.scalar("SELECT count(*) FROM team_members WHERE user_id = \(user) \(role)") ?? 0
  }

  /// Who has been there longest: an admin before any member.
  func heir(of team: UUID) throws -> TeamMemberRow? {
    try transaction.first(
      """
      SELECT \(Self.columns) FROM team_members WHERE team_id = \(team)
      ORDER BY CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, joined_at, user_id LIMIT 1
      """)
  }

  func insert(_ row: TeamMemberRow) throws {
    try transaction.execute(
      """
      INSERT INTO team_members (\(Self.columns))
      VALUES (\(row.team), \(row.user), \(row.role), \(row.joinedAt), \(row.version))
      """)
  }

  func update(_ row: TeamMemberRow) throws {
    try transaction.execute(
      """
      UPDATE team_members SET role = \(row.role), version = \(row.version)
      WHERE team_id = \(row.team) AND user_id = \(row.user)
      """)
  }

  func delete(_ user: UUID, from team: UUID) throws {
    try transaction.execute("DELETE FROM team_members WHERE team_id = \(team) AND user_id = \(user)")
  }

  func deleteAll(of team: UUID) throws {
    try transaction.execute("DELETE FROM team_members WHERE team_id = \(team)")
  }
}
