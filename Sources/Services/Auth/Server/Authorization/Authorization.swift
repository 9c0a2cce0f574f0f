import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What the browser sees next.
enum AuthorizationStep: Sendable {
  /// Back to the client, with a code or with an error.
  case redirect(String)
  /// No client and no redirect where it is for a page of auth's own.
  case signIn(AuthorizationQuery, client: ClientRow?, redirect: RedirectURI?, problem: Problem?)
  /// The password was right, and there is a second factor.
  case secondFactor(
    AuthorizationQuery, client: ClientRow?, redirect: RedirectURI?, challenge: String, problem: Problem?)
  case consent(AuthorizationQuery, AuthorizationRequest, account: AccountRow, session: UUID)
}

/// The authorization endpoint (RFC 6749 §4.1, OpenID Connect Core §3.1.2). It keeps nothing between two pages: what the
/// client asked for goes through the forms, and is checked anew each time.
struct Authorization: Sendable {
  let core: AuthCore
  let login: Login
  let browsers: BrowserSessions
  let challenges: SecondFactorChallenges

  /// - Parameter cookie: The browser's, if it has one.
  /// - Throws: `Problem` 400, for a page, where it is not certain that the client may be answered.
  func begin(_ query: AuthorizationQuery, cookie: String?) async throws -> AuthorizationStep {
    let code = newCode()
    return try await core.write { transaction, now in
      try answering(query, transaction) { request in
        let found = try browsers.find(cookie, transaction, now)
        guard let found, try !isSignInNeeded(request, found, transaction, now) else {
          guard !request.prompt.contains("none") else {
            throw AuthorizationError("login_required", "nobody is signed in, or not recently or strongly enough")
          }
          return .signIn(query, client: request.client, redirect: request.redirect, problem: nil)
        }
        return try proceed(query, request, found, code, transaction, now)
      }
    }
  }

  /// The sign-in page's form.
  /// - Returns: the next step, and the cookie of the session that was opened.
  func signIn(
    _ form: SignInForm, from client: ClientDevice
  ) async throws -> (step: AuthorizationStep, cookie: BrowserCookie?) {
    guard let query = AuthorizationQuery(carried: form.request) else { throw Self.expired }
    let (asker, redirect) = try await core.read { transaction, _ in try Self.asker(query, transaction) }
    let verified: Login.Verified
    do {
      verified = try await login.verify(
        Credentials(email: form.email ?? "", password: form.password ?? ""), from: client)
    } catch let problem as Problem where problem.status != 503 {
      return (.signIn(query, client: asker, redirect: redirect, problem: problem), nil)
    }
    let cookie = BrowserCookie(session: core.newID(), secret: core.randomBytes(32))
    let (code, next, challenge) = (newCode(), query.signedIn, challenges.newToken())
    do {
      return try await core.write { [challenges] transaction, now in
        let account: AccountRow
        switch try login.admit(verified, transaction, now) {
        case .account(let admitted): account = admitted
        case .secondFactor(let admitted):
          try challenges.issue(challenge, .page, for: admitted, transaction, now)
          return (
            .secondFactor(query, client: asker, redirect: redirect, challenge: challenge, problem: nil), nil
          )
        }
        let found = try browsers.open(
          cookie, for: account, .init(methods: [UserAuthentication.password], at: now), from: client, transaction, now)
        return (try answering(next, transaction) { try proceed(next, $0, found, code, transaction, now) }, cookie)
      }
    } catch let problem as Problem where problem.status == 401 || problem.status == 403 || problem.status == 429 {
      return (.signIn(query, client: asker, redirect: redirect, problem: problem), nil)
    }
  }

  /// The consent page's form.
  func decide(_ form: ConsentForm, cookie: String?) async throws -> AuthorizationStep {
    guard let query = AuthorizationQuery(carried: form.request) else { throw Self.expired }
    let code = newCode()
    return try await core.write { transaction, now in
      try answering(query, transaction) { request in
        guard let found = try browsers.find(cookie, transaction, now) else {
          return .signIn(query, client: request.client, redirect: request.redirect, problem: nil)
        }
        try requireLevel(request, found)
        guard form.decision == "allow" else { throw AuthorizationError("access_denied", "the user said no") }
        let store = ConsentStore(transaction)
        let before = try store.scopes(of: request.client.id, by: found.account.id)
        try store.put(before.union(request.scopes), of: request.client.id, by: found.account.id, at: now)
        return try give(code, request, found, transaction, now)
      }
    }
  }

  static let expired = Problem(
    400, "form_expired", "This page is too old", detail: "Go back to the application and begin again.")

  // MARK: Steps

  func newCode() -> String { Data(core.randomBytes(32)).base64URLEncodedString() }

  /// Which client asks, and where it may be answered. Everything before that is told to the person, not the address.
  static func client(
    _ query: AuthorizationQuery, _ transaction: any Transaction
  ) throws -> (ClientRow, RedirectURI) {
    guard let id = query.clientID.flatMap(UUID.init(uuidString:)), let client = try ClientStore(transaction).find(id),
      client.enabled
    else { throw Problem(400, "invalid_client", "The application is not known here") }
    guard let redirect = query.redirectURI.flatMap({ RedirectURI($0) }), client.sendsBack(to: redirect) else {
      throw Problem(
        400, "invalid_redirect_uri", "The address to go back to is not one of the application's",
        detail: "It has to be registered, letter by letter.")
    }
    return (client, redirect)
  }

  /// For whom a sign-in is; nobody where it is for a page of auth's own.
  static func asker(_ query: AuthorizationQuery, _ transaction: any Transaction) throws -> (ClientRow?, RedirectURI?) {
    query.ownPage == nil ? try client(query, transaction) : (nil, nil)
  }

  func answering(
    _ query: AuthorizationQuery, _ transaction: any Transaction,
    _ body: (AuthorizationRequest) throws -> AuthorizationStep
  ) throws -> AuthorizationStep {
    if let page = query.ownPage { return .redirect(page) }
    let (client, redirect) = try Self.client(query, transaction)
    do { return try body(try AuthorizationRequest(query, client, redirect)) } catch let error as AuthorizationError {
      return .redirect(
        AuthorizationRequest.reply(
          redirect, [("error", error.code), ("error_description", error.description)], state: query.state,
          issuer: core.configuration.issuer))
    }
  }

  private func isSignInNeeded(
    _ request: AuthorizationRequest, _ found: BrowserSessions.Found, _ transaction: any Transaction, _ now: Date
  ) throws -> Bool {
    // Whoever signed out of the console is out: nobody gets in again by what the browser has.
    if request.client.isBuiltIn { return true }
    if request.needsSecondFactor, found.authentication.assurance != UserAuthentication.secondLevel,
      try SecondLevel.isReachable(by: found.account.id, core, transaction)
    {
      return true
    }
    if request.prompt.contains("login") || request.prompt.contains("select_account") { return true }
    return request.maximumAge.map { now.timeIntervalSince(found.session.authenticatedAt) > Double($0) } ?? false
  }

  /// Signing in again would not help somebody who has no second factor, so the client is told (RFC 9470 §5).
  private func requireLevel(_ request: AuthorizationRequest, _ found: BrowserSessions.Found) throws {
    guard !request.needsSecondFactor || found.authentication.assurance == UserAuthentication.secondLevel else {
      throw AuthorizationError(
        "unmet_authentication_requirements", "the user has no second factor to authenticate with")
    }
  }

  func proceed(
    _ query: AuthorizationQuery, _ request: AuthorizationRequest, _ found: BrowserSessions.Found, _ code: String,
    _ transaction: any Transaction, _ now: Date
  ) throws -> AuthorizationStep {
    try requireLevel(request, found)
    guard try isConsentNeeded(request, found, transaction) else {
      return try give(code, request, found, transaction, now)
    }
    guard !request.prompt.contains("none") else {
      throw AuthorizationError("consent_required", "the user has not agreed to this yet")
    }
    // What is agreed to is what was shown, whatever the client may ask for by then.
    var shown = query
    shown.scope = OAuthScope.text(request.scopes)
    return .consent(shown, request, account: found.account, session: found.session.id)
  }

  /// An app on a device proves nothing by its address (RFC 8252 §8.6), so what was agreed to before is asked again.
  private func isConsentNeeded(
    _ request: AuthorizationRequest, _ found: BrowserSessions.Found, _ transaction: any Transaction
  ) throws -> Bool {
    if request.prompt.contains("consent") { return true }
    if request.client.firstParty { return false }
    guard request.redirect.provesClient else { return true }
    let agreed = try ConsentStore(transaction).scopes(of: request.client.id, by: found.account.id)
    return !agreed.isSuperset(of: request.scopes)
  }

  private func give(
    _ code: String, _ request: AuthorizationRequest, _ found: BrowserSessions.Found, _ transaction: any Transaction,
    _ now: Date
  ) throws -> AuthorizationStep {
    try AuthorizationCodeStore(transaction).insert(
      AuthorizationCodeRow(
        hash: AuthorizationCodeStore.hash(code), request, for: found.account, found.authentication,
        session: core.newID(), expiresAt: (now + core.configuration.authorizationCodeLifetime).roundedToMicroseconds))
    // The console has a sign-out, behind which the sign-in that was made for it must not live on in the browser.
    if request.client.isBuiltIn {
      _ = try SessionStore(transaction).revoke(found.session.id, of: found.account.id, at: now)
    }
    return .redirect(request.reply([("code", code)], issuer: core.configuration.issuer))
  }
}
