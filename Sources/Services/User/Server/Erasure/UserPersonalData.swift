import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityPersonalData
import UserAPI

/// What this service itself knows of a person.
struct UserPersonalData: Sendable {
  let core: UserCore
  let pseudonyms: ConsentPseudonyms

  /// What ``Lifecycle/erase(_:in:)`` would do now.
  func inventory(of row: UserRow, in transaction: any Transaction) throws -> PersonalDataCounts {
    var counts = PersonalDataCounts(kept: ["user_ids": 1])
    if row.erasedAt == nil { counts.erased["profiles"] = 1 }
    for (kind, table) in [
      ("addresses", "addresses"), ("preferences", "preferences"), ("team_memberships", "team_members"),
      ("exports", "exports"),
    ] as [(String, SQL)] {
      let count: Int64 = try transaction.scalar("SELECT count(*) FROM \(table) WHERE user_id = \(row.id)") ?? 0
      if count > 0 { counts.erased[kind] = count }
    }
    if let email = row.email {
      let invites: Int64 = try transaction.scalar("SELECT count(*) FROM team_invites WHERE email = \(email)") ?? 0
      if invites > 0 { counts.erased["team_invites"] = invites }
    }
    let holds: Int64 = try transaction.scalar("SELECT count(*) FROM legal_holds WHERE user_id = \(row.id)") ?? 0
    if holds > 0 { counts.kept["legal_holds"] = holds }
    let consents = try ConsentStore(transaction).count(of: pseudonyms.pseudonym(of: row.id))
    if consents > 0 { counts.kept["consent_records"] = consents }
    return counts
  }

  /// What ``PersonalDataAPI/inventory(of:)`` answers.
  func inventory(_ subject: PersonalDataSubject) async throws -> PersonalDataInventory {
    let counts = try await core.read { transaction, now in
      let row = try UserStore(transaction).find(subject.userID)
      return try inventory(of: row ?? UserRow(id: subject.userID, at: now), in: transaction)
    }
    return PersonalDataInventory(service: UserAPI.service, counts)
  }

  /// What ``PersonalDataAPI/items(of:)`` answers.
  func items(_ query: PersonalDataQuery) async throws -> PersonalDataPage {
    let limit = try PageLimit.checked(query.limit)
    return try await core.read { transaction, _ in
      try items(of: query.userID, after: query.cursor, limit: limit, in: transaction)
    }
  }

  /// What there is about the user, in an order that stays the same. Legal holds are not told: what an authority asked
  /// for may be nobody's to know.
  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage {
    guard let row = try UserStore(transaction).find(user), !row.isGone else {
      return PersonalDataPage(items: [], nextCursor: nil)
    }
    return try PersonalDataPage(of: sections(row), after: cursor, limit: limit, in: transaction)
  }

  private func sections(_ user: UserRow) -> [PersonalDataSection] {
    [
      PersonalDataSection { [core] after, _, _ in
        guard after == nil else { return [] }
        return [(user.id, try PersonalDataItem(kind: "profile", user.profile(core.configuration)))]
      },
      PersonalDataSection { [core] after, _, transaction in
        guard after == nil else { return [] }
        let list = try PreferenceBook.list(of: user, core.configuration, transaction)
        return [(user.id, try PersonalDataItem(kind: "preferences", list))]
      },
      PersonalDataSection { after, limit, transaction in
        try AddressStore(transaction).list(of: user.id, after: after, limit: limit).map {
          ($0.id, try PersonalDataItem(kind: "address", $0.address))
        }
      },
      PersonalDataSection { [pseudonyms] after, limit, transaction in
        let subject = pseudonyms.pseudonym(of: user.id)
        return try ConsentStore(transaction).list(of: subject, after: after, limit: limit).map {
          ($0.id, try PersonalDataItem(kind: "consent", $0))
        }
      },
      PersonalDataSection { after, limit, transaction in
        let found = try TeamMemberStore(transaction).memberships(of: user.id, after: after, limit: limit)
        let teams = try TeamStore(transaction).find(found.map(\.team))
        return try found.map { member in
          let kept = KeptMembership(
            teamID: member.team, team: teams[member.team]?.name, role: member.role, joinedAt: member.joinedAt)
          return (member.team, try PersonalDataItem(kind: "team_membership", kept))
        }
      },
      PersonalDataSection { after, limit, transaction in
        guard let email = user.email else { return [] }
        return try TeamInviteStore(transaction).list(to: email, after: after, limit: limit).map { invite in
          let kept = KeptInvite(
            id: invite.id, teamID: invite.team, email: invite.email, role: invite.role, state: invite.state.rawValue,
            createdAt: invite.createdAt, expiresAt: invite.expiresAt)
          return (invite.id, try PersonalDataItem(kind: "team_invite", kept))
        }
      },
    ]
  }
}

private struct KeptMembership: Encodable {
  var teamID: UUID
  var team: String?
  var role: TeamRole
  var joinedAt: Date

  enum CodingKeys: String, CodingKey {
    case team, role
    case teamID = "team_id"
    case joinedAt = "joined_at"
  }
}

private struct KeptInvite: Encodable {
  var id: UUID
  var teamID: UUID
  var email: String
  var role: TeamRole
  var state: String
  var createdAt: Date
  var expiresAt: Date

  enum CodingKeys: String, CodingKey {
    case id, email, role, state
    case teamID = "team_id"
    case createdAt = "created_at"
    case expiresAt = "expires_at"
  }
}

extension UserService {
  func bindPersonalData(_ routes: inout Routes) {
    let personalData = personalData
    routes.on(PersonalDataAPI.inventory(of: UserAPI.service)) { request, _ in
      try await personalData.inventory(request)
    }
    routes.on(PersonalDataAPI.items(of: UserAPI.service)) { request, _ in try await personalData.items(request) }
  }
}
