import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// The teams that somebody is in.
struct Teams: Sendable {
  let core: UserCore
  let profiles: Profiles

  static let greatestOwned: Int64 = 20
  /// In which somebody is, whatever their role.
  static let greatestMemberships: Int64 = 100

  func create(_ request: NewTeam, by principal: Principal, once key: IdempotencyKey?) async throws -> Once<Team> {
    let name = try Self.name(request.name)
    let user = try await profiles.own(principal).id
    let id = core.newID()
    return try await core.database.write(once: key) { [core] transaction in
      try transaction.lock(UserRow.lockName(user))
      let now = try core.now(transaction)
      _ = try core.writableRow(user, transaction)
      try Self.requireRoom(for: user, .owner, transaction)
      let (row, member) = (
        TeamRow(id: id, name: name, at: now), TeamMemberRow(team: id, user: user, role: .owner, at: now)
      )
      try TeamStore(transaction).insert(row)
      try TeamMemberStore(transaction).insert(member)
      try core.events.record(.teamMemberAdded(member, by: user), in: transaction)
      return row.team(role: .owner, members: 1)
    }
  }

  func list(_ request: PageRequest, of principal: Principal) async throws -> Page<Team> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in
      let members = TeamMemberStore(transaction)
      let found = try members.memberships(of: user, after: after, limit: limit + 1)
      let rows = try TeamStore(transaction).find(found.map(\.team))
      let counts = try members.counts(of: found.map(\.team))
      let teams = found.compactMap { member in
        rows[member.team]?.team(role: member.role, members: counts[member.team] ?? 0)
      }
      return Page(fetched: teams, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func find(_ id: UUID, for principal: Principal) async throws -> Team {
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in
      try Self.team(TeamPlace(of: user, in: id, transaction), transaction)
    }
  }

  func rename(_ request: TeamUpdate, by principal: Principal, _ precondition: Precondition) async throws -> Team {
    let name = try Self.name(request.name)
    let user = try await profiles.own(principal).id
    return try await core.write(in: request.id, by: user) { place, transaction, now in
      try place.requireManager()
      try precondition.require(EntityTag(version: place.team.version))
      guard place.team.name != name else { return try Self.team(place, transaction) }
      var row = place.team
      (row.name, row.version, row.updatedAt) = (name, row.version + 1, now)
      try TeamStore(transaction).update(row)
      return row.team(
        role: place.member.role, members: try TeamMemberStore(transaction).count(of: row.id))
    }
  }

  func delete(_ id: UUID, by principal: Principal, _ precondition: Precondition) async throws {
    let user = try await profiles.own(principal).id
    try await core.write(in: id, by: user) { [core] place, transaction, _ in
      try place.require(place.member.role == .owner, "an owner")
      try precondition.require(EntityTag(version: place.team.version))
      try Self.delete(id, by: user, core, transaction)
    }
  }

  /// The team, who is in it, and who was asked to be.
  static func delete(_ id: UUID, by user: UUID?, _ core: UserCore, _ transaction: any Transaction) throws {
    let members = TeamMemberStore(transaction)
    for member in try members.list(of: id, after: nil, limit: Int(TeamMembers.greatestCount)) {
      try core.events.record(.teamMemberRemoved(member, by: user), in: transaction)
    }
    try members.deleteAll(of: id)
    try TeamInviteStore(transaction).deleteAll(of: id)
    try TeamStore(transaction).delete(id)
  }

  /// - Throws: `Problem` 409.
  static func requireRoom(for user: UUID, _ role: TeamRole, _ transaction: any Transaction) throws {
    let members = TeamMemberStore(transaction)
    guard try members.count(ofMember: user) < greatestMemberships else {
      throw Problem(409, "too_many_teams", "One person is in \(greatestMemberships) teams at most")
    }
    if role == .owner { try requireRoomToOwn(user, transaction) }
  }

  static func requireRoomToOwn(_ user: UUID, _ transaction: any Transaction) throws {
    guard try TeamMemberStore(transaction).count(ofMember: user, .owner) < greatestOwned else {
      throw Problem(409, "too_many_teams", "One person owns \(greatestOwned) teams at most")
    }
  }

  static func team(_ place: TeamPlace, _ transaction: any Transaction) throws -> Team {
    place.team.team(
      role: place.member.role, members: try TeamMemberStore(transaction).count(of: place.team.id))
  }

  private static func name(_ text: String) throws -> String {
    var errors: [Problem.FieldError] = []
    guard let name = PlainText("name", of: NewTeam.self).checked(text, &errors) else { throw Problem.invalid(errors) }
    return name
  }
}

extension UserCore {
  /// Runs `body` while nobody else changes anything of that team, for somebody who is in it and may write.
  /// - Throws: `Problem` 404 for whoever is not in it.
  func write<T: Sendable>(
    in team: UUID, by user: UUID, _ body: @escaping @Sendable (TeamPlace, any Transaction, Date) throws -> T
  ) async throws -> T {
    try await database.write { transaction in
      try transaction.lock(TeamRow.lockName(team))
      _ = try writableRow(user, transaction)
      return try body(TeamPlace(of: user, in: team, transaction), transaction, now(transaction))
    }
  }
}
