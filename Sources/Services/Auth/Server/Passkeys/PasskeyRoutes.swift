import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP
import GravityIdentity

extension AuthService {
  func bindPasskeys(_ routes: inout Routes) {
    let (passkeys, signIn, login) = (passkeys, passkeySignIn, login)
    routes.on(AuthAPI.passkeyOptions) { _, scope in
      scope.forbidCaching()
      return try await passkeys.options(for: PasskeyOwner(scope.principal))
    }
    routes.on(AuthAPI.registerPasskey) { request, scope in
      try await passkeys.register(request, for: PasskeyOwner(scope.principal))
    }
    routes.on(AuthAPI.passkeys) { _, scope in try await passkeys.list(of: scope.principal.accountID) }
    routes.on(AuthAPI.renamePasskey) { request, scope in
      try await passkeys.rename(request, for: PasskeyOwner(scope.principal))
    }
    routes.on(AuthAPI.removePasskey) { request, scope in
      try await passkeys.remove(request.id, for: PasskeyOwner(scope.principal))
      return Empty()
    }
    routes.on(AuthAPI.passkeyLoginOptions) { _, scope in
      scope.forbidCaching()
      return try await signIn.options(.login)
    }
    routes.on(AuthAPI.loginWithPasskey) { request, scope in
      scope.forbidCaching()
      return try await login.login(request, with: signIn, from: ClientDevice(scope))
    }
    routes.on(AuthAPI.passkeyStepUpOptions) { _, scope in
      scope.forbidCaching()
      return try await signIn.options(toStepUp: scope.principal)
    }
    bindPasskeyPages(&routes)
  }

  private func bindPasskeyPages(_ routes: inout Routes) {
    let (signIn, authorization) = (passkeySignIn, authorization)
    let steps = PasskeyPageSteps(core: core, passkeys: passkeys, browsers: BrowserSessions(core: core))
    let pages = PageReplies(core: core, guarding: formGuard)
    routes.on(AuthAPI.passkeySignInOptions) { start, scope in
      scope.forbidCaching()
      try pages.guarding.check(start.formToken, for: PageReplies.signIn, start.request, scope)
      return try await signIn.options(.page(browser: pages.guarding.known(scope) ?? ""))
    }
    routes.on(AuthAPI.signInWithPasskey) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: PageReplies.signIn, form.request, scope)
        let (step, cookie) = try await authorization.signIn(
          form, with: signIn, browser: pages.guarding.known(scope) ?? "", from: ClientDevice(scope))
        return pages.reply(step, scope, cookie: cookie)
      }
    }
    routes.on(AuthAPI.passkeyPage) { _, scope in
      try await pages.answer(scope) { pages.reply(try await steps.begin(cookie: pages.session(scope)), scope) }
    }
    routes.on(AuthAPI.passkeyPageOptions) { start, scope in
      scope.forbidCaching()
      try pages.guarding.check(start.formToken, for: pages.passkeys(scope), nil, scope)
      return try await steps.options(cookie: pages.session(scope))
    }
    routes.on(AuthAPI.changePasskeys) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: pages.passkeys(scope), nil, scope)
        return pages.reply(try await steps.change(form, cookie: pages.session(scope)), scope)
      }
    }
  }
}

extension PageReplies {
  /// Forms are of one session: what somebody saw does not act for whoever signed in next.
  fileprivate func passkeys(_ scope: RequestScope) -> String {
    passkeys(session(scope).flatMap { BrowserCookie($0) }?.session)
  }
  private func passkeys(_ session: UUID?) -> String { "passkeys \(session?.lowercased ?? "")" }

  fileprivate func reply(_ step: PasskeyStep, _ scope: RequestScope) -> Content {
    switch step {
    case .signIn: return reply(.signIn(.passkeys, client: nil, redirect: nil, problem: nil), scope)
    case .list(let passkeys, let found, let problem):
      let token = formToken(for: self.passkeys(found.session.id), "", scope)
      return show(PasskeyPages.list(passkeys, of: found.account, formToken: token, problem: problem), scope)
    case .changed: return reply(.redirect(AuthAPI.passkeyPage.path), scope)
    }
  }
}

extension AuthorizationQuery {
  /// What is no response type of any client: the sign-in goes on to the page of one's passkeys.
  private static let passkeysPage = "gravity_passkeys"

  /// To sign in for that page, whoever did so before: also at another provider.
  static var passkeys: AuthorizationQuery {
    var query = AuthorizationQuery()
    (query.responseType, query.prompt) = (passkeysPage, "login")
    return query
  }

  /// Where a sign-in for one of auth's own pages goes on; nil of one for a client.
  var ownPage: String? { responseType == Self.passkeysPage ? AuthAPI.passkeyPage.path : devicePage }

  /// What somebody signs in to such a page for.
  var ownPurpose: String { responseType == Self.passkeysPage ? "to see your passkeys" : "to connect a device" }
}
