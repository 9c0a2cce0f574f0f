import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What somebody does with the providers of their own account.
struct LinkedIdentities: Sendable {
  let core: AuthCore

  func list(_ principal: Principal) async throws -> LinkedIdentityList {
    let id = try principal.accountID
    let rows = try await core.read { transaction, _ in try LinkedIdentityStore(transaction).list(of: id) }
    return LinkedIdentityList(
      items: rows.map { row in
        let provider = core.providers.find(issuer: row.issuer)
        return LinkedIdentity(
          id: row.id, provider: provider?.name, displayName: provider?.displayName ?? row.issuer, email: row.email,
          linkedAt: row.linkedAt, lastUsedAt: row.lastUsedAt)
      }, providers: core.providers.all.map { SignInProvider(name: $0.name, displayName: $0.displayName) })
  }

  /// The link itself is made in a browser, where its owner shows the provider who they are.
  func link(_ request: NewLinkedIdentity, by principal: Principal) async throws -> IdentityLink {
    let provider = try core.providers.find(request.provider)
    let id = try principal.accountID
    let ticket = Data(core.randomBytes(32)).base64URLEncodedString()
    let key = ProviderVisitStore.key(ticket: ticket, provider: provider.name, core.masterKey)
    try await core.write { [core] transaction, now in
      try principal.requireOwnApp(transaction)
      try principal.requireRecentAuthentication(core, transaction, now)
      guard let account = try AccountStore(transaction).find(id), account.status == .active else {
        throw Problem.notFound("account")
      }
      guard
        try !LinkedIdentityStore(transaction).list(of: id).contains(where: { provider.source.issues(as: $0.issuer) })
      else {
        throw Problem(
          409, "already_linked", "The account is connected with \(provider.displayName)",
          detail: "Disconnect it first, to connect another person's.")
      }
      let visits = ProviderVisitStore(transaction)
      guard try visits.count(now: now) < ProviderVisitStore.greatestCount else {
        throw Problem(503, "busy", "Too many people are on their way to other providers", retryAfter: 30)
      }
      try visits.insert(key, ProviderVisit(link: id, epoch: account.epoch), now: now)
    }
    let path = AuthAPI.linkPage.path.replacing("{provider}", with: provider.name)
    return IdentityLink(
      uri: "\(core.configuration.issuer)\(path)?ticket=\(ticket)", expiresIn: Int(ProviderVisitStore.lifetime))
  }

  /// Sessions stay; the next sign-in needs another way.
  func unlink(_ link: UUID, by principal: Principal) async throws {
    let id = try principal.accountID
    try await core.write { [core] transaction, now in
      let links = LinkedIdentityStore(transaction)
      try links.lock(id)
      try principal.requireOwnApp(transaction)
      guard let row = try links.find(link, of: id), let account = try AccountStore(transaction).find(id) else {
        throw Problem.notFound("identity")
      }
      try principal.requireRecentAuthentication(core, transaction, now)
      // One of a provider that is not there any more lets nobody in.
      let others = try links.list(of: id).filter {
        $0.id != link && core.providers.find(issuer: $0.issuer) != nil
      }
      let hasPasskey = try core.passkeys.party != nil && PasskeyStore(transaction).count(of: id) > 0
      guard account.passwordHash != nil || !others.isEmpty || hasPasskey else {
        throw Problem(
          409, "last_way_in", "Nobody could sign in to the account any more",
          detail: "Set a password at \(AuthAPI.recover.path), or connect another provider, or add a passkey, first.")
      }
      try links.delete(row.id)
      try core.events.record(.identityUnlinked(account: id, issuer: row.issuer), in: transaction)
    }
  }
}

extension Principal {
  /// What decides over how somebody gets in, and who stays in, is for who logged in, or for an app of the platform's own
  /// that they let in.
  func requireOwnApp(_ transaction: any Transaction) throws {
    guard let clientID else { return try requireOwnLogin() }
    guard sessionID != nil, let id = UUID(uuidString: clientID), let client = try ClientStore(transaction).find(id),
      client.firstParty
    else {
      throw Problem(
        403, "login_required", "That takes a login of one's own, or one at an app of the platform's own",
        detail: "Neither another client nor a key decides over how somebody gets in.")
    }
  }
}
