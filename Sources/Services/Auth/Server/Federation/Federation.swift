import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging

/// What the browser sees next.
enum FederationStep: Sendable {
  case authorization(AuthorizationStep)
  /// Before an identity is linked: with which account.
  case confirmLink(FederatedProvider, AccountRow, ticket: String)
  case linked(FederatedProvider, AccountRow)
}

/// Signing in with another provider, and linking one (OpenID Connect Core §3.1, RFC 9700): to the provider, and back.
///
/// A visit is good for one provider and one browser, once, for ten minutes. Its nonce and its verifier are derived from
/// its state under the master key, so none of the three is kept.
struct Federation: Sendable {
  let core: AuthCore
  let authorization: Authorization
  let accounts: FederatedAccounts
  let revocations: Revocations

  private static let greatestRequest = 8_192
  /// Bytes of what a provider posts, as a query: less than any server takes.
  private static let greatestAnswer = 6_144

  static let stale = Problem(
    400, "form_expired", "This sign-in is over, or was begun in another browser",
    detail: "Go back to the application and begin again.")

  /// - Parameter browser: The browser's secret.
  func start(_ start: ProviderStart, browser: String) async throws -> AuthorizationStep {
    let provider = try core.providers.find(start.provider)
    if let ticket = start.ticket { return try await startLink(ticket, provider, browser) }
    guard let text = start.request, text.utf8.count <= Self.greatestRequest,
      let query = AuthorizationQuery(carried: text)
    else { throw Authorization.expired }
    let (asker, redirect) = try await core.read { transaction, _ in try Authorization.asker(query, transaction) }
    let (state, address): (String, String)
    do throws(ProviderFailure) { (state, address) = try await visit(provider, query) } catch {
      note(error, provider)
      return .signIn(query, client: asker, redirect: redirect, problem: Self.problem(error, provider))
    }
    return try await keep(ProviderVisit(request: query.carried), state, provider, browser, address)
  }

  /// Back from a provider that posts: the browser's cookies do not come with what another site posts, but with the GET
  /// that this leads to. Nothing is looked at or used up before that.
  /// - Returns: where the browser goes on.
  func forward(_ back: ProviderReturn) throws -> String {
    let provider = try core.providers.find(back.provider)
    let fields = [("code", back.code), ("state", back.state), ("iss", back.iss), ("error", back.error)].compactMap {
      name, value in value.map { (name: name, value: $0) }
    }
    let query = FormEncoding.encoded(fields)
    guard back.state != nil, query.utf8.count <= Self.greatestAnswer else { throw Self.stale }
    return AuthAPI.returnFromProvider.path.replacing("{provider}", with: provider.name) + "?" + query
  }

  /// Back from the provider.
  /// - Parameter browser: The browser's secret, if it has one.
  /// - Returns: the next step, and the cookie of the session that was opened.
  func finish(
    _ back: ProviderReturn, browser: String?, from client: ClientDevice
  ) async throws -> (step: FederationStep, cookie: BrowserCookie?) {
    let provider = try core.providers.find(back.provider)
    guard let state = back.state, state.utf8.count <= 64, let browser else { throw Self.stale }
    let key = ProviderVisitStore.key(state: state, provider: provider.name, browser: browser, core.masterKey)
    guard let visit = try await core.write({ try ProviderVisitStore($0).take(key, now: $1) }) else { throw Self.stale }
    let answer = ProviderAnswer(code: back.code, error: back.error, issuer: back.iss)
    if let account = visit.account {
      return (try await finishLink(of: account, visit, answer, state, provider), nil)
    }
    guard let query = AuthorizationQuery(carried: visit.request) else { throw Authorization.expired }
    let (asker, redirect) = try await core.read { transaction, _ in try Authorization.asker(query, transaction) }
    func refused(_ problem: Problem) -> (step: FederationStep, cookie: BrowserCookie?) {
      (.authorization(.signIn(query, client: asker, redirect: redirect, problem: problem)), nil)
    }
    do {
      let identity = try await provider.source.identity(
        from: answer, to: request(state, provider, query, beganAt: visit.beganAt))
      return try await admit(identity, at: provider, query, (asker, redirect), from: client)
    } catch let failure as ProviderFailure {
      note(failure, provider)
      if failure.code != .denied { try await failed(nil) }
      return refused(Self.problem(failure, provider))
    } catch let refusal as FederationRefusal {
      try await failed(refusal.account)
      return refused(refusal.problem)
    }
  }

  private func admit(
    _ identity: ProviderIdentity, at provider: FederatedProvider, _ query: AuthorizationQuery,
    _ asker: (client: ClientRow?, redirect: RedirectURI?), from client: ClientDevice
  ) async throws -> (step: FederationStep, cookie: BrowserCookie?) {
    let cookie = BrowserCookie(session: core.newID(), secret: core.randomBytes(32))
    let challenge = authorization.challenges.newToken()
    let (code, next, ids) = (authorization.newCode(), query.signedIn, FederatedAccounts.NewIDs(core))
    let isKnown = try await core.read { transaction, _ in
      try LinkedIdentityStore(transaction).find(issuer: identity.issuer, subject: identity.subject) != nil
    }
    let (step, opened, revoked) = try await core.write {
      [authorization, accounts] transaction, now -> (AuthorizationStep, BrowserCookie?, [Revocation]) in
      if !isKnown { try RevocationStore(transaction).expectToRevoke() }
      let (account, revoked) = try accounts.account(of: identity, at: provider, ids, transaction, now)
      let authentication = UserAuthentication(
        methods: [UserAuthentication.federated],
        at: identity.authenticatedAt.map { min($0, now).roundedToMicroseconds } ?? UserAuthentication.unknownTime)
      guard try !SecondFactorStore(transaction).isEnrolled(account.id) else {
        try authorization.challenges.issue(
          challenge, .page, for: account, after: authentication.methods, transaction, now)
        return (
          .secondFactor(query, client: asker.client, redirect: asker.redirect, challenge: challenge, problem: nil),
          nil, revoked
        )
      }
      let found = try authorization.browsers.open(cookie, for: account, authentication, from: client, transaction, now)
      let step = try authorization.answering(next, transaction) {
        try authorization.proceed(next, $0, found, code, transaction, now)
      }
      return (step, cookie, revoked)
    }
    await revocations.apply(revoked)
    return (.authorization(step), opened)
  }

  // MARK: Linking

  /// The page that says with which account a provider is connected: whoever was given the address of somebody else's
  /// link sees that.
  func confirm(_ link: LinkTicket) async throws -> FederationStep {
    let provider = try core.providers.find(link.provider)
    guard let ticket = link.ticket, ticket.utf8.count <= 64 else { throw Self.stale }
    let key = ProviderVisitStore.key(ticket: ticket, provider: provider.name, core.masterKey)
    let account = try await core.read { transaction, now in
      try ProviderVisitStore(transaction).find(key, now: now).flatMap { try Self.owner(of: $0, transaction) }
    }
    guard let account else { throw Self.stale }
    return .confirmLink(provider, account, ticket: ticket)
  }

  private func startLink(
    _ ticket: String, _ provider: FederatedProvider, _ browser: String
  ) async throws -> AuthorizationStep {
    let key = ProviderVisitStore.key(ticket: ticket, provider: provider.name, core.masterKey)
    let visit = try await core.write { transaction, now in
      try ProviderVisitStore(transaction).take(key, now: now).flatMap { visit in
        try Self.owner(of: visit, transaction).map { _ in visit }
      }
    }
    guard let visit else { throw Self.stale }
    let (state, address): (String, String)
    do throws(ProviderFailure) { (state, address) = try await self.visit(provider, nil) } catch {
      note(error, provider)
      throw Self.problem(error, provider)
    }
    return try await keep(visit, state, provider, browser, address)
  }

  private func finishLink(
    of id: UUID, _ visit: ProviderVisit, _ answer: ProviderAnswer, _ state: String, _ provider: FederatedProvider
  ) async throws -> FederationStep {
    let identity: ProviderIdentity
    do throws(ProviderFailure) {
      identity = try await provider.source.identity(from: answer, to: request(state, provider, nil))
    } catch {
      note(error, provider)
      throw Self.problem(error, provider)
    }
    let (linkID, mailID) = (core.newID(), core.newID())
    let account = try await core.write { [core, accounts] transaction, now in
      let links = LinkedIdentityStore(transaction)
      try links.lock(id)
      guard let account = try Self.owner(of: visit, transaction) else { throw Self.stale }
      if let link = try links.find(issuer: identity.issuer, subject: identity.subject) {
        guard link.accountID == id else { throw Self.taken(provider) }
        return account
      }
      let row = LinkedIdentityRow(
        id: linkID, accountID: id, identity, email: FederatedAccounts.address(of: identity)?.text, linkedAt: now)
      guard try links.insert(row) else { throw FederatedAccounts.otherPerson }
      try core.events.record(.identityLinked(account: id, issuer: identity.issuer), in: transaction)
      if let email = account.email {
        try accounts.mail.request(.identityLinked, to: email, about: id, id: mailID, transaction, now)
      }
      return account
    }
    return .linked(provider, account)
  }

  /// Whose link it is, unless they changed their password, or were stopped, since.
  private static func owner(of visit: ProviderVisit, _ transaction: any Transaction) throws -> AccountRow? {
    guard let id = visit.account, let account = try AccountStore(transaction).find(id), account.status == .active,
      account.epoch == visit.epoch
    else { return nil }
    return account
  }

  // MARK: Parts

  /// A new visit: its state, and where the browser goes.
  private func visit(
    _ provider: FederatedProvider, _ query: AuthorizationQuery?
  ) async throws(ProviderFailure) -> (state: String, address: String) {
    let state = Data(core.randomBytes(32)).base64URLEncodedString()
    return (state, try await provider.source.address(toSignIn: request(state, provider, query)))
  }

  /// - Parameter beganAt: When somebody went there with it, of who is back.
  private func request(
    _ state: String, _ provider: FederatedProvider, _ query: AuthorizationQuery?, beganAt: Date? = nil
  ) -> ProviderRequest {
    func secret(_ label: String) -> String {
      Data(core.masterKey.authenticationCode(label, Data(state.utf8))).base64URLEncodedString()
    }
    // Whoever is to show who they are shows it there.
    let prompts = (query?.prompt ?? "").split(separator: " ").filter { $0 == "login" || $0 == "select_account" }
    // Not every provider does what `prompt` asks for: asked for an age, it has to say what it did. What they did there
    // afterwards, such as agreeing, does not count.
    let age = prompts.contains("login") ? 0 : query?.maxAge.flatMap { Int($0) }.map { min(max(0, $0), 1 << 32) }
    let away = beganAt.map { Int(core.clock.now().timeIntervalSince($0).rounded(.up)) } ?? 0
    return ProviderRequest(
      state: state, nonce: secret("provider-nonce/1"), codeVerifier: secret("provider-verifier/1"),
      redirectURI: provider.redirectURI(core.configuration.issuer),
      prompt: prompts.isEmpty ? nil : prompts.joined(separator: " "),
      maximumAge: age.map { $0 + max(0, away) })
  }

  private func keep(
    _ visit: ProviderVisit, _ state: String, _ provider: FederatedProvider, _ browser: String, _ address: String
  ) async throws -> AuthorizationStep {
    let key = ProviderVisitStore.key(state: state, provider: provider.name, browser: browser, core.masterKey)
    // A bound need not be exact, and would make those that come at once wait.
    guard try await core.read({ try ProviderVisitStore($0).count(now: $1) }) < ProviderVisitStore.greatestCount else {
      throw Problem(503, "busy", "Too many people are on their way to other providers", retryAfter: 30)
    }
    try await core.write { try ProviderVisitStore($0).insert(key, visit, now: $1) }
    return .redirect(address)
  }

  private func failed(_ account: UUID?) async throws {
    try await core.write { [core] transaction, _ in
      try core.events.record(.loginFailed(account: account), in: transaction)
    }
  }

  private func note(_ failure: ProviderFailure, _ provider: FederatedProvider) {
    core.logger.log(
      level: failure.code == .denied ? .info : .warning, "a provider did not sign somebody in",
      metadata: [
        "provider.name": "\(provider.name)", "error.type": "\(failure.code.rawValue)",
        "error.message": "\(failure.description)",
      ])
  }

  /// The gateway takes 502 to 504 for a failure of this service, so none of them says that another one failed.
  private static func problem(_ failure: ProviderFailure, _ provider: FederatedProvider) -> Problem {
    let name = provider.displayName
    return switch failure.code {
    case .denied:
      Problem(403, "provider_denied", "\(name) did not sign you in", detail: "Try again, or sign in another way.")
    case .unavailable:
      Problem(
        400, "provider_unavailable", "\(name) does not answer now", detail: "Try again, or sign in another way.")
    case .stale:
      Problem(
        403, "provider_sign_in_stale", "\(name) did not show that you signed in there just now",
        detail: "Sign out there and try again, or sign in another way.")
    case .invalid:
      Problem(
        400, "provider_failed", "\(name) gave an answer that cannot be trusted",
        detail: "Begin again. If it stays like this, tell whoever runs this platform.")
    }
  }

  private static func taken(_ provider: FederatedProvider) -> Problem {
    Problem(
      409, "identity_taken", "That account at \(provider.displayName) is connected with another account here",
      detail: "Sign in with \(provider.displayName) to see which, and disconnect it there.")
  }
}
