import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP

extension AuthService {
  func bindSecondFactor(_ routes: inout Routes) {
    let (factors, stepUp, login) = (secondFactors, stepUp, login)
    routes.on(AuthAPI.secondFactor) { _, scope in try await factors.status(scope.principal) }
    routes.on(AuthAPI.enrolTOTP) { _, scope in
      scope.forbidCaching()
      return try await factors.enrol(scope.principal)
    }
    routes.on(AuthAPI.confirmTOTP) { request, scope in
      scope.forbidCaching()
      return try await factors.confirm(request, by: scope.principal, from: ClientDevice(scope))
    }
    routes.on(AuthAPI.removeTOTP) { _, scope in
      try await factors.remove(by: scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.renewRecoveryCodes) { _, scope in
      scope.forbidCaching()
      return try await factors.renewRecoveryCodes(by: scope.principal)
    }
    routes.on(AuthAPI.resetSecondFactor) { request, scope in
      try await factors.reset(request.id, by: scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.completeLogin) { request, scope in
      scope.forbidCaching()
      return try await login.complete(request, from: ClientDevice(scope))
    }
    routes.on(AuthAPI.stepUp) { request, scope in
      scope.forbidCaching()
      return try await stepUp.stepUp(request, by: scope.principal, from: ClientDevice(scope))
    }
    let (authorization, pages) = (authorization, PageReplies(core: core, guarding: formGuard))
    routes.on(AuthAPI.signInCode) { form, scope in
      try await pages.answer(scope) {
        try pages.guarding.check(form.formToken, for: PageReplies.code(form.challenge ?? ""), form.request, scope)
        let (step, cookie) = try await authorization.showCode(form, from: ClientDevice(scope))
        return pages.reply(step, scope, cookie: cookie)
      }
    }
  }
}
