import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What somebody does with the passkeys of their own account: adding (WebAuthn Level 3 §7.1), renaming, removing.
struct Passkeys: Sendable {
  /// Of one account.
  static let greatestCount = 20
  private static let handleSize = 32

  let core: AuthCore
  let challenges: PasskeyChallenges
  let mail: MailQueue
  let revocations: Revocations

  func list(of account: UUID) async throws -> PasskeyList {
    let rows = try await core.read { transaction, _ in try PasskeyStore(transaction).list(of: account) }
    return PasskeyList(items: rows.map(\.passkey))
  }

  /// - Throws: `Problem` 401 where they have to show who they are anew: whoever found a token must not let themselves
  ///   in.
  func options(for owner: PasskeyOwner) async throws -> PasskeyCreationOptions {
    let party = try challenges.party
    try await challenges.requireRoom()
    let (challenge, newHandle) = (challenges.newChallenge(), core.randomBytes(Self.handleSize))
    return try await core.write { [core, challenges] transaction, now in
      let account = try Self.active(owner.account, transaction)
      try owner.require(core, transaction, now)
      let store = PasskeyStore(transaction)
      let passkeys = try store.list(of: account.id)
      guard passkeys.count < Self.greatestCount else { throw Self.tooMany }
      try challenges.insert(challenge, .registration(account.id), epoch: account.epoch, transaction, now)
      let name = account.email ?? account.name
      return PasskeyCreationOptions(
        rp: .init(id: party.id, name: core.configuration.displayName),
        user: .init(
          id: Data(try store.handle(of: account.id, orElse: newHandle)).base64URLEncodedString(), name: name,
          displayName: account.name.isEmpty ? name : account.name), challenge: challenge,
        algorithms: CredentialPublicKey.algorithms, timeout: PasskeyChallenges.timeout,
        exclude: passkeys.map(\.descriptor))
    }
  }

  /// It takes no recent authentication: only whoever showed that has a challenge of the account's.
  /// - Throws: `Problem` 400 where it is not what such a challenge leads to, which uses that up; 409 where somebody has
  ///   the
  ///   credential, or the account too many.
  func register(_ request: NewPasskey, for owner: PasskeyOwner) async throws -> Passkey {
    let party = try challenges.party
    let name = try Self.checked(request.name ?? "Passkey")
    let client: ClientData
    do throws(PasskeyFault) {
      guard let bytes = Bytes.decoded(request.credential.response.clientDataJSON, atMost: 6144) else {
        throw PasskeyFault.malformed
      }
      client = try ClientData(bytes)
    } catch { throw error.refusal }
    let made: Result<RegisteredPasskey, PasskeyFault>
    do throws(PasskeyFault) {
      made = .success(try RegisteredPasskey(request.credential, client, for: party))
    } catch { made = .failure(error) }
    let (id, mailID) = (core.newID(), core.newID())
    let outcome = try await core.write {
      [core, challenges, mail] transaction, now -> Result<PasskeyRow, PasskeyFault> in
      let account = try Self.active(owner.account, transaction)
      try owner.requireAccess(transaction)
      guard
        let challenge = try challenges.take(client.challenge, .registration(account.id), transaction, now),
        challenge.epoch == account.epoch
      else { return .failure(.challenge) }
      let registered: RegisteredPasskey
      switch made {
      case .success(let passkey): registered = passkey
      case .failure(let fault): return .failure(fault)
      }
      let links = LinkedIdentityStore(transaction)
      try links.lock(account.id)
      let store = PasskeyStore(transaction)
      guard try store.count(of: account.id) < Self.greatestCount else { throw Self.tooMany }
      let row = PasskeyRow(id: id, accountID: account.id, registered, name: name, createdAt: now)
      guard try store.insert(row) else {
        throw Problem(409, "passkey_exists", "That passkey is in use already", detail: "Make a new one.")
      }
      try core.events.record(.passkeyAdded(account: account.id, passkey: id), in: transaction)
      if let email = account.email {
        try mail.request(.passkeyAdded, to: email, about: account.id, id: mailID, transaction, now)
      }
      return .success(row)
    }
    switch outcome {
    case .success(let row): return row.passkey
    case .failure(let fault): throw fault.refusal
    }
  }

  func rename(_ request: PasskeyUpdate, for owner: PasskeyOwner) async throws -> Passkey {
    let name = try Self.checked(request.name)
    return try await core.write { transaction, _ in
      try owner.requireAccess(transaction)
      guard let row = try PasskeyStore(transaction).rename(request.id, of: owner.account, to: name) else {
        throw Problem.notFound("passkey")
      }
      return row.passkey
    }
  }

  /// The other sessions end, as somebody may have opened them with it.
  func remove(_ id: UUID, for owner: PasskeyOwner) async throws {
    let mailID = core.newID()
    let revoked = try await core.write { [core, mail, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      let links = LinkedIdentityStore(transaction)
      try links.lock(owner.account)
      try owner.requireAccess(transaction)
      let store = PasskeyStore(transaction)
      let passkeys = try store.list(of: owner.account)
      guard passkeys.contains(where: { $0.id == id }) else { throw Problem.notFound("passkey") }
      try owner.require(core, transaction, now)
      let account = try Self.active(owner.account, transaction)
      // One of a provider that is not there any more lets nobody in.
      let isLinked = try links.list(of: account.id).contains { core.providers.find(issuer: $0.issuer) != nil }
      guard passkeys.count > 1 || account.passwordHash != nil || isLinked else {
        throw Problem(
          409, "last_way_in", "Nobody could sign in to the account any more",
          detail: "Set a password at \(AuthAPI.recover.path), or add another passkey, first.")
      }
      _ = try store.delete(id, of: account.id)
      try core.events.record(.passkeyRemoved(account: account.id, passkey: id, by: account.id), in: transaction)
      if let email = account.email {
        try mail.request(.passkeyRemoved, to: email, about: account.id, id: mailID, transaction, now)
      }
      return try revocations.endSessions(
        of: account.id, besides: owner.session, core.events, transaction, now)
    }
    await revocations.apply(revoked)
  }

  private static let tooMany = Problem(
    409, "too_many_passkeys", "There are \(greatestCount) passkeys already", detail: "Remove one.")

  private static func active(_ id: UUID, _ transaction: any Transaction) throws -> AccountRow {
    guard let account = try AccountStore(transaction).find(id), account.status == .active else {
      throw Problem.notFound("account")
    }
    return account
  }

  private static func checked(_ name: String) throws -> String {
    var errors: [Problem.FieldError] = []
    guard let name = PlainText("name", of: PasskeyUpdate.self).checked(name, &errors) else {
      throw Problem.invalid(errors)
    }
    return name
  }
}

/// Whose passkeys they are, and by what whoever asks is known to be that.
enum PasskeyOwner: Sendable {
  case token(Principal, account: UUID)
  /// Of the page.
  case browser(BrowserSessions.Found)

  init(_ principal: Principal) throws { self = .token(principal, account: try principal.accountID) }

  var account: UUID {
    switch self {
    case .token(_, let account): account
    case .browser(let found): found.account.id
    }
  }

  var session: UUID? {
    switch self {
    case .token(let principal, _): principal.sessionID.flatMap { UUID(uuidString: $0) }
    case .browser(let found): found.session.id
    }
  }

  /// What decides over how somebody gets in is for them, and for no client but the platform's own.
  func requireAccess(_ transaction: any Transaction) throws {
    if case .token(let principal, _) = self { try principal.requireOwnApp(transaction) }
  }

  /// The same, and that they authenticated recently, with a second factor where there is one.
  func require(_ core: AuthCore, _ transaction: any Transaction, _ now: Date) throws {
    try requireAccess(transaction)
    switch self {
    case .token(let principal, _): try principal.requireRecentAuthentication(core, transaction, now)
    case .browser(let found):
      guard try found.isRecent(core, transaction, now) else {
        throw Problem(
          401, "insufficient_user_authentication", "You signed in too long ago", detail: "Open this page anew.")
      }
    }
  }
}

extension BrowserSessions.Found {
  /// What ``Principal/requireRecentAuthentication(_:_:_:)`` asks of a token.
  func isRecent(_ core: AuthCore, _ transaction: any Transaction, _ now: Date) throws -> Bool {
    try now.timeIntervalSince(session.authenticatedAt) <= core.configuration.stepUpMaximumAge
      && (authentication.assurance == UserAuthentication.secondLevel
        || !SecondFactorStore(transaction).isEnrolled(account.id))
  }
}
