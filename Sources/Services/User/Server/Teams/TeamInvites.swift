import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// Asking people to join a team, by mail.
struct TeamInvites: Sendable {
  let core: UserCore
  let profiles: Profiles
  let mails: UserMails

  static let greatestPending = 50
  static let standardDays = 7
  static let greatestDays = 30
  /// Mails within a day: that one person has sent, and that one address gets, whoever sends them.
  static let greatestSent = 100
  static let greatestReceived = 5
  private static let day: TimeInterval = 86_400
  /// Seconds for which an invitation that expired is kept, so that whoever comes late is told why.
  static let memory: TimeInterval = 30 * day

  // MARK: From inside the team

  func create(
    _ request: NewTeamInvite, by principal: Principal, once key: IdempotencyKey?
  ) async throws -> Once<TeamInvite> {
    let (email, days) = try Self.checked(request)
    let role = request.role ?? .member
    let user = try await profiles.own(principal).id
    let id = core.newID()
    return try await core.database.write(once: key) { [core, mails] transaction in
      try transaction.lock(TeamRow.lockName(request.id))
      let now = try core.now(transaction)
      _ = try core.writableRow(user, transaction)
      let place = try TeamPlace(of: user, in: request.id, transaction)
      try place.requireManager()
      try place.require(place.member.role.manages(role), "an owner")
      try Self.requireStranger(email, request.id, transaction)
      let store = TeamInviteStore(transaction)
      if let earlier = try store.pending(email, in: request.id) {
        guard earlier.expiresAt <= now else {
          throw Problem(
            409, "already_invited", "That address was invited already",
            detail: "Send that invitation again, or revoke it.",
            extensions: ["invite_id": .string(earlier.id.lowercased)])
        }
        try store.delete(earlier.id)
      }
      try Self.requireRoom(in: request.id, store, transaction, now)
      let row = TeamInviteRow(
        id: id, team: request.id, email: email, role: role, by: user,
        tokenHash: mails.secrets.hash(.teamInvite, id, 1), days: days, at: now)
      try store.insert(row)
      try send(row, by: user, store, transaction, now)
      return row.invite(at: now)
    }
  }

  func list(_ request: TeamPageRequest, for principal: Principal) async throws -> Page<TeamInvite> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, now in
      try TeamPlace(of: user, in: request.id, transaction).requireManager()
      let rows = try TeamInviteStore(transaction).pending(in: request.id, after: after, limit: limit + 1)
      return Page(fetched: rows.map { $0.invite(at: now) }, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  /// The old token is good for nothing from then on.
  func resend(_ request: TeamInviteID, by principal: Principal) async throws -> TeamInvite {
    let user = try await profiles.own(principal).id
    return try await core.write(in: request.id, by: user) { [mails] place, transaction, now in
      try place.requireManager()
      let store = TeamInviteStore(transaction)
      var row = try Self.pending(request, store)
      try place.require(place.member.role.manages(row.role), "an owner")
      try Self.requireStranger(row.email, request.id, transaction)
      if row.expiresAt <= now { try Self.requireRoom(in: request.id, store, transaction, now) }
      row.generation += 1
      row.tokenHash = mails.secrets.hash(.teamInvite, row.id, row.generation)
      (row.sentAt, row.expiresAt) = (now, now + TimeInterval(row.days) * Self.day)
      try store.update(row)
      try send(row, by: user, store, transaction, now)
      return row.invite(at: now)
    }
  }

  func revoke(_ request: TeamInviteID, by principal: Principal) async throws {
    let user = try await profiles.own(principal).id
    try await core.write(in: request.id, by: user) { place, transaction, now in
      try place.requireManager()
      let store = TeamInviteStore(transaction)
      var row = try Self.pending(request, store)
      try place.require(place.member.role.manages(row.role), "an owner")
      (row.state, row.endedAt) = (.revoked, now)
      try store.update(row)
    }
  }

  /// Counts the mail, and asks for it.
  /// - Throws: `Problem` 429: whoever may invite could otherwise fill anybody's mailbox.
  private func send(
    _ row: TeamInviteRow, by user: UUID, _ store: TeamInviteStore, _ transaction: any Transaction, _ now: Date
  ) throws {
    let (sent, received) = try store.mails(by: user, to: row.email, since: now - Self.day)
    guard sent < Self.greatestSent, received < Self.greatestReceived else {
      // One answer for both: how often others invite somebody is nobody's business.
      throw Problem(
        429, "invites_limited", "Too many invitations were sent within a day",
        detail: "\(Self.greatestSent) by one person, \(Self.greatestReceived) to one address. Try again tomorrow.",
        retryAfter: 3600)
    }
    let mail = core.newID()
    try store.insertMail(mail, by: user, to: row.email, at: now)
    try mails.request(
      UserMailRequest(id: mail, kind: .teamInvite, about: row.id, generation: row.generation), in: transaction)
  }

  private static func pending(_ request: TeamInviteID, _ store: TeamInviteStore) throws -> TeamInviteRow {
    guard let row = try store.find(request.inviteID), row.team == request.id, row.state == .pending else {
      throw Problem.notFound("invitation")
    }
    return row
  }

  private static func requireStranger(_ email: String, _ team: UUID, _ transaction: any Transaction) throws {
    for user in try UserStore(transaction).list(after: nil, status: nil, email: email, words: [], limit: 10)
    where try TeamMemberStore(transaction).find(user.id, in: team) != nil {
      throw Problem(409, "already_member", "Whoever has that address is in the team already")
    }
  }

  private static func requireRoom(
    in team: UUID, _ store: TeamInviteStore, _ transaction: any Transaction, _ now: Date
  ) throws {
    try requireRoomForMember(in: team, transaction)
    guard try store.count(livingIn: team, at: now) < greatestPending else {
      throw Problem(
        409, "too_many_invites", "\(greatestPending) invitations wait for an answer already",
        detail: "Revoke one of them first.")
    }
  }

  private static func requireRoomForMember(in team: UUID, _ transaction: any Transaction) throws {
    guard try TeamMemberStore(transaction).count(of: team) < TeamMembers.greatestCount else {
      throw Problem(409, "too_many_members", "A team has \(TeamMembers.greatestCount) members at most")
    }
  }

  private static func checked(_ request: NewTeamInvite) throws -> (email: String, days: Int) {
    var errors: [Problem.FieldError] = []
    let email = InvitedAddress(request.email)
    if email == nil { errors.append(.init(field: "email", code: "format", message: "is not an e-mail address")) }
    let days = request.expiresInDays ?? standardDays
    if !(1...greatestDays).contains(days) {
      errors.append(.init(field: "expires_in_days", code: "range", message: "must be from 1 to \(greatestDays)"))
    }
    guard let email, errors.isEmpty else { throw Problem.invalid(errors) }
    return (email.text, days)
  }

  // MARK: From who was invited

  func accept(_ request: TeamInviteToken, by principal: Principal, once key: IdempotencyKey?) async throws -> Once<Team>
  {
    // A repeat is answered as the first was, also by a token that was used up by that.
    if let known = try await core.database.recorded(under: key, as: Team.self) { return known }
    let (hash, user) = try await holder(of: request, principal)
    return try await core.database.write(once: key) { [core] transaction in
      try transaction.lock(UserRow.lockName(user.id))
      let now = try core.now(transaction)
      _ = try core.writableRow(user.id, transaction)
      var invite = try Self.answerable(hash, for: user, transaction, now)
      try transaction.lock(TeamRow.lockName(invite.team))
      let members = TeamMemberStore(transaction)
      guard try members.find(user.id, in: invite.team) == nil else {
        throw Problem(409, "already_member", "You are in the team already")
      }
      try Self.requireRoomForMember(in: invite.team, transaction)
      try Teams.requireRoom(for: user.id, invite.role, transaction)
      let member = TeamMemberRow(team: invite.team, user: user.id, role: invite.role, at: now)
      try members.insert(member)
      (invite.state, invite.endedAt) = (.accepted, now)
      try TeamInviteStore(transaction).update(invite)
      try core.events.record(.teamMemberAdded(member, by: user.id), in: transaction)
      return try Teams.team(TeamPlace(of: user.id, in: invite.team, transaction), transaction)
    }
  }

  func decline(_ request: TeamInviteToken, by principal: Principal) async throws {
    let (hash, user) = try await holder(of: request, principal)
    try await core.write(of: user.id) { [core] transaction, now in
      _ = try core.writableRow(user.id, transaction)
      var invite = try Self.answerable(hash, for: user, transaction, now)
      (invite.state, invite.endedAt) = (.declined, now)
      try TeamInviteStore(transaction).update(invite)
    }
  }

  /// Whoever shows a token, as auth knows them at this moment: a copy may be older than a change of address.
  private func holder(
    of request: TeamInviteToken, _ principal: Principal
  ) async throws -> (hash: [UInt8], account: DirectoryAccount) {
    guard let hash = UserSecrets.hash(token: request.token) else {
      throw Problem.invalid("token", "format", "is not a token of an invitation: it has 43 letters, digits, - and _")
    }
    let user = try await profiles.own(principal).id
    guard let account = try await profiles.copies.current(user), account.status == .active else {
      throw Problem.notFound("user")
    }
    return (hash, account)
  }

  /// - Throws: `Problem` that says what became of the invitation, or who may answer it.
  private static func answerable(
    _ hash: [UInt8], for account: DirectoryAccount, _ transaction: any Transaction, _ now: Date
  ) throws -> TeamInviteRow {
    guard let row = try TeamInviteStore(transaction).find(token: hash),
      ConstantTime.areEqual(row.tokenHash, hash), try TeamStore(transaction).find(row.team) != nil
    else {
      throw Problem(
        404, "not_found", "No such invitation", detail: "If there was a later mail, take the token of that.")
    }
    switch row.state {
    case .accepted: throw Problem(409, "invite_used", "The invitation was accepted already")
    case .declined: throw Problem(409, "invite_declined", "The invitation was declined", detail: Self.askAgain)
    case .revoked: throw Problem(409, "invite_revoked", "The invitation was taken back", detail: Self.askAgain)
    case .pending where row.expiresAt <= now:
      throw Problem(409, "invite_expired", "The invitation is too old", detail: Self.askAgain)
    case .pending: break
    }
    guard let email = account.email, email == row.email else {
      throw Problem(
        403, "other_address", "The invitation went to another address than your account's",
        detail: "Sign in with the account of that address, or ask for an invitation to yours.")
    }
    guard account.isEmailVerified else {
      throw Problem(
        403, "email_unverified", "Your address has to be confirmed first",
        detail: "POST /api/v1/auth/verify/resend sends the mail again.")
    }
    return row
  }

  private static let askAgain = "Ask the team for another one."
}
