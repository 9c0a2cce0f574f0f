import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP

extension AuthService {
  func bindFederation(_ routes: inout Routes) {
    let (federation, identities) = (federation, linkedIdentities)
    let pages = PageReplies(core: core, guarding: formGuard)
    routes.on(AuthAPI.startAtProvider) { start, scope in
      try await pages.answer(scope) {
        if let ticket = start.ticket {
          try pages.guarding.check(start.formToken, for: PageReplies.link(start.provider), ticket, scope)
        }
        let browser = pages.browser(scope)
        return pages.reply(try await federation.start(start, browser: browser), scope)
      }
    }
    routes.on(AuthAPI.returnFromProvider) { back, scope in
      try await pages.answer(scope) {
        let (step, cookie) = try await federation.finish(
          back, browser: pages.guarding.known(scope), from: ClientDevice(scope))
        return pages.reply(step, scope, cookie: cookie)
      }
    }
    routes.on(AuthAPI.returnFromProviderByForm) { back, scope in
      try await pages.answer(scope) { pages.redirect(to: try federation.forward(back), scope) }
    }
    routes.on(AuthAPI.linkPage) { link, scope in
      try await pages.answer(scope) { pages.reply(try await federation.confirm(link), scope, cookie: nil) }
    }
    routes.on(AuthAPI.identities) { _, scope in try await identities.list(scope.principal) }
    routes.on(AuthAPI.linkIdentity) { request, scope in
      scope.forbidCaching()
      return try await identities.link(request, by: scope.principal)
    }
    routes.on(AuthAPI.unlinkIdentity) { request, scope in
      try await identities.unlink(request.id, by: scope.principal)
      return Empty()
    }
  }
}

extension PageReplies {
  fileprivate static func link(_ provider: String) -> String { "link \(provider)" }

  fileprivate func reply(_ step: FederationStep, _ scope: RequestScope, cookie: BrowserCookie?) -> Content {
    switch step {
    case .authorization(let step): return reply(step, scope, cookie: cookie)
    case .confirmLink(let provider, let account, let ticket):
      let token = formToken(for: Self.link(provider.name), ticket, scope)
      return show(FederationPages.confirmLink(provider, account, ticket: ticket, formToken: token), scope)
    case .linked(let provider, let account): return show(FederationPages.linked(provider, account), scope)
    }
  }
}
