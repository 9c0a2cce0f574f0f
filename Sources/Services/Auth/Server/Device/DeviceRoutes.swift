import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP

extension AuthService {
  func bindDevices(_ routes: inout Routes) {
    let (grant, approval) = (deviceGrant, deviceApproval)
    let pages = PageReplies(core: core, guarding: formGuard)
    routes.on(AuthAPI.deviceAuthorization) { request, scope in
      scope.forbidCaching()
      return try await scope.challengingClients {
        try await grant.begin(request, authorization: scope.header("Authorization"))
      }
    }
    routes.on(AuthAPI.devicePage) { query, scope in
      try await pages.answer(scope) {
        pages.reply(try await approval.begin(query, cookie: pages.session(scope)), scope)
      }
    }
    routes.on(AuthAPI.enterDeviceCode) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: pages.deviceCode(scope), nil, scope)
        return pages.reply(
          try await approval.enter(form, cookie: pages.session(scope), from: ClientDevice(scope)), scope)
      }
    }
    routes.on(AuthAPI.decideOnDevice) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: pages.deviceDecision(scope), form.userCode, scope)
        return pages.reply(try await approval.decide(form, cookie: pages.session(scope)), scope)
      }
    }
  }
}

extension PageReplies {
  /// Forms are of one session: what somebody saw does not act for whoever signed in next.
  fileprivate func deviceCode(_ scope: RequestScope) -> String { deviceCode(browserSession(scope)) }
  fileprivate func deviceDecision(_ scope: RequestScope) -> String { deviceDecision(browserSession(scope)) }
  private func deviceCode(_ session: UUID?) -> String { "device code \(session?.lowercased ?? "")" }
  private func deviceDecision(_ session: UUID?) -> String { "device \(session?.lowercased ?? "")" }
  private func browserSession(_ scope: RequestScope) -> UUID? {
    session(scope).flatMap { BrowserCookie($0) }?.session
  }

  fileprivate func reply(_ step: DeviceStep, _ scope: RequestScope) -> Content {
    switch step {
    case .signIn(let query):
      return reply(.signIn(query, client: nil, redirect: nil, problem: nil), scope)
    case .enterCode(let code, let session, let problem):
      let token = formToken(for: deviceCode(session), "", scope)
      if let seconds = problem?.retryAfter { scope.reply.setHeader("Retry-After", "\(seconds)") }
      return show(DevicePages.enterCode(code, formToken: token, problem: problem), scope)
    case .confirm(let code, let row, let client, let account, let session):
      let token = formToken(for: deviceDecision(session), code.grouped, scope)
      return show(DevicePages.confirm(code, row, client: client, account: account, formToken: token), scope)
    case .decided(let isAllowed, let client):
      return show(DevicePages.decided(isAllowed: isAllowed, client: client), scope)
    }
  }
}
