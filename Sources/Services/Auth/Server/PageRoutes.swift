import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP
import GravityIdentity

extension AuthService {
  func bindPages(_ routes: inout Routes) {
    let (authorization, pages) = (authorization, PageReplies(core: core, guarding: formGuard))
    for endpoint in [AuthAPI.authorize, AuthAPI.authorizeByForm] {
      routes.on(endpoint) { query, scope in
        try await pages.answer(scope) {
          pages.reply(try await authorization.begin(query, cookie: pages.session(scope)), scope)
        }
      }
    }
    routes.on(AuthAPI.signIn) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: PageReplies.signIn, form.request, scope)
        let (step, cookie) = try await authorization.signIn(form, from: ClientDevice(scope))
        return pages.reply(step, scope, email: form.email, cookie: cookie)
      }
    }
    routes.on(AuthAPI.consent) { form, scope in
      try await pages.answer(scope) {
        let session = pages.session(scope).flatMap { BrowserCookie($0) }?.session
        try pages.guarding.check(form.formToken, for: PageReplies.consent(session), form.request, scope)
        return pages.reply(try await authorization.decide(form, cookie: pages.session(scope)), scope)
      }
    }
    let userInfo = userInfo
    for endpoint in [AuthAPI.userInfo, AuthAPI.userInfoByPost] {
      routes.on(endpoint) { _, scope in
        scope.forbidCaching()
        guard let principal = scope.optionalPrincipal else {
          throw Problem.unauthenticated(scope.header("Authorization") == nil ? nil : .invalid)
        }
        return try await userInfo.read(principal)
      }
    }
  }
}

/// Steps as replies: pages with what keeps them from being framed or run, and ways to elsewhere.
struct PageReplies: Sendable {
  static let signIn = "sign-in"
  static func consent(_ session: UUID?) -> String { "consent \(session?.lowercased ?? "")" }

  let core: AuthCore
  let guarding: FormGuard

  init(core: AuthCore, guarding: FormGuard) {
    self.core = core
    self.guarding = guarding
  }

  func session(_ scope: RequestScope) -> String? { scope.cookie(guarding.sessionCookie) }

  /// A problem is a page, too.
  func answer(_ scope: RequestScope, _ body: () async throws -> Content) async throws -> Content {
    do { return try await body() } catch let problem as Problem {
      if let seconds = problem.retryAfter { scope.reply.setHeader("Retry-After", "\(seconds)") }
      return show(AuthorizationPages.failure(problem), scope)
    }
  }

  func reply(
    _ step: AuthorizationStep, _ scope: RequestScope, email: String? = nil, cookie: BrowserCookie? = nil
  ) -> Content {
    if let cookie {
      scope.reply.setHeader("Set-Cookie", guarding.setting(guarding.sessionCookie, to: cookie.text))
    }
    switch step {
    case .redirect(let address): return redirect(to: address, scope)
    case .signIn(let query, let client, let redirect, let problem):
      let token = formToken(for: Self.signIn, query.carried, scope)
      if let seconds = problem?.retryAfter { scope.reply.setHeader("Retry-After", "\(seconds)") }
      return show(
        AuthorizationPages.signIn(
          query, for: client, at: redirect, passkeys: core.passkeys, ways: FederationPages.ways(core.providers, query),
          formToken: token, email: email, problem: problem), scope)
    case .secondFactor(let query, let client, let redirect, let challenge, let problem):
      let token = formToken(for: Self.code(challenge), query.carried, scope)
      if let seconds = problem?.retryAfter { scope.reply.setHeader("Retry-After", "\(seconds)") }
      return show(
        AuthorizationPages.code(
          query, for: client, at: redirect, challenge: challenge, passkeys: core.passkeys, formToken: token,
          signInToken: formToken(for: Self.signIn, query.carried, scope), problem: problem), scope)
    case .consent(let query, let request, let account, let session):
      let token = formToken(for: Self.consent(session), query.carried, scope)
      return show(AuthorizationPages.consent(query, request, account: account, formToken: token), scope)
    }
  }

  func formToken(for purpose: String, _ request: String, _ scope: RequestScope) -> String {
    guarding.token(browser(scope), for: purpose, request)
  }

  /// The browser's secret.
  func browser(_ scope: RequestScope) -> String {
    let (secret, isNew) = guarding.secret(scope, randomBytes: core.randomBytes)
    // Only a page that is asked for sets it: a form that is sent brings it along.
    if isNew { scope.reply.setHeader("Set-Cookie", guarding.setting(guarding.formCookie, to: secret)) }
    return secret
  }

  /// 303: the browser goes on with GET, so that no password is sent on (RFC 9700 §4.12).
  func redirect(to address: String, _ scope: RequestScope) -> Content {
    scope.reply.setStatus(303)
    scope.reply.setHeader("Location", address)
    protect(scope)
    return Content(Data())
  }

  func show(_ page: WebPage, _ scope: RequestScope) -> Content {
    var page = page
    page.site = core.configuration.displayName
    if page.status != 200 { scope.reply.setStatus(page.status) }
    scope.reply.setHeader("Content-Security-Policy", page.contentSecurityPolicy)
    scope.reply.setHeader("X-Frame-Options", "DENY")
    protect(scope)
    return Content(page.bytes)
  }

  private func protect(_ scope: RequestScope) {
    scope.reply.setHeader("Cache-Control", "no-store")
    // The address of a page holds what the client asked for.
    scope.reply.setHeader("Referrer-Policy", "no-referrer")
  }
}
