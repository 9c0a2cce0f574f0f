import AuthAPI
import GravityContracts
import GravityHTTP

extension AuthService {
  func bindAccountSecurity(_ routes: inout Routes) {
    let security = accountSecurity
    routes.on(AuthAPI.accountSecurity) { request, _ in try await security.find(request.id) }
    routes.on(AuthAPI.accountSessions) { request, scope in
      try await security.sessions(request, for: scope.principal)
    }
    routes.on(AuthAPI.revokeAccountSession) { request, scope in
      try await security.revoke(request, by: scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.revokeAccountSessions) { request, scope in
      try await security.revokeAll(of: request.id, by: scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.roleHolders) { _, _ in try await security.roleHolders() }
  }
}
