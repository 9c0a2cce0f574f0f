import AuthAPI
import GravityContracts
import GravityHTTP
import GravityIdentity

extension AuthService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindAccounts(&routes)
    bindSessions(&routes)
    bindAdministration(&routes)
    bindVerifiers(&routes)
    bindClients(&routes)
    bindOAuth(&routes)
    bindPages(&routes)
    bindFederation(&routes)
    bindDevices(&routes)
    bindAPIKeys(&routes)
    bindSecondFactor(&routes)
    bindPasskeys(&routes)
    bindAccountSecurity(&routes)
    bindMail(&routes)
    bindPersonalData(&routes)
  }

  private func bindAccounts(_ routes: inout Routes) {
    let (registrations, own, recovery, emailChanges) = (registrations, ownAccount, recovery, emailChanges)
    routes.on(AuthAPI.register) { request, scope in
      let registered = try await registrations.register(request)
      if registered.id == nil { scope.reply.setStatus(202) }
      return registered
    }
    routes.on(AuthAPI.verify) { request, scope in
      try await registrations.verify(request, by: Self.whoProves(scope))
      return Empty()
    }
    routes.on(AuthAPI.resendVerification) { request, _ in
      try await registrations.resendVerification(request)
      return Empty()
    }
    routes.on(AuthAPI.me) { _, scope in try await own.me(scope.principal) }
    routes.on(AuthAPI.ownSecurity) { _, scope in try await own.security(scope.principal) }
    routes.on(AuthAPI.changePassword) { request, scope in
      try await own.changePassword(request, of: scope.principal, from: ClientDevice(scope))
      return Empty()
    }
    routes.on(AuthAPI.changeEmail) { request, scope in
      try await emailChanges.request(request, by: scope.principal, from: ClientDevice(scope))
      return Empty()
    }
    routes.on(AuthAPI.confirmEmail) { request, scope in
      try await emailChanges.confirm(request, by: Self.whoProves(scope))
      return Empty()
    }
    routes.on(AuthAPI.recover) { request, _ in
      try await recovery.request(request)
      return Empty()
    }
    routes.on(AuthAPI.completeRecovery) { request, _ in
      try await recovery.complete(request)
      return Empty()
    }
  }

  /// Who is signed in where a mailed token is shown.
  /// - Throws: `Problem` 401: who means to show that the account is theirs is told when that failed, before anything ends.
  private static func whoProves(_ scope: RequestScope) throws -> Principal? {
    guard scope.optionalPrincipal != nil || scope.header("Authorization") == nil else {
      throw Problem(
        401, "unauthenticated", "The access token is not good",
        detail: "Send one that is; or none, and sign in again afterwards.")
    }
    return scope.optionalPrincipal
  }

  private func bindSessions(_ routes: inout Routes) {
    let (login, refresh, sessions) = (login, refresh, sessions)
    routes.on(AuthAPI.login) { request, scope in
      scope.forbidCaching()
      return try await login.login(request, from: ClientDevice(scope))
    }
    routes.on(AuthAPI.refresh) { request, scope in
      scope.forbidCaching()
      return try await refresh.refresh(request, from: ClientDevice(scope))
    }
    routes.on(AuthAPI.logout) { _, scope in
      try await sessions.logout(scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.logoutEverywhere) { _, scope in
      try await sessions.logoutEverywhere(scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.sessions) { request, scope in try await sessions.list(request, for: scope.principal) }
    routes.on(AuthAPI.revokeSessions) { _, scope in
      try await sessions.revokeOthers(scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.revokeSession) { request, scope in
      try await sessions.revoke(request.id, by: scope.principal)
      return Empty()
    }
  }

  private func bindAdministration(_ routes: inout Routes) {
    let (administration, roles) = (administration, roles)
    routes.on(AuthAPI.accounts) { request, _ in try await administration.list(request) }
    routes.on(AuthAPI.account) { request, _ in try await administration.find(request.id) }
    routes.on(AuthAPI.updateAccount) { request, scope in
      try await administration.update(request, by: scope.principal) { try scope.require($0) }
    }
    routes.on(AuthAPI.roles) { _, _ in try await roles.list() }
    routes.on(AuthAPI.createRole) { request, scope in
      scope.unwrap(try await roles.create(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(AuthAPI.role) { request, _ in try await roles.find(request.name) }
    routes.on(AuthAPI.updateRole) { request, scope in
      try await roles.update(request, by: scope.principal) { try scope.require($0) }
    }
    routes.on(AuthAPI.deleteRole) { request, scope in
      try await roles.delete(request.name, by: scope.principal) { try scope.require($0) }
      return Empty()
    }
  }

  private func bindVerifiers(_ routes: inout Routes) {
    let (keys, revocations, snapshot) = (keys, revocations, snapshot)
    routes.on(AuthAPI.snapshot) { request, _ in try await snapshot.page(request) }
    routes.on(AuthAPI.keys) { _, scope in
      // A new key is published for an hour before it signs, so five minutes are never too old.
      scope.reply.setHeader("Cache-Control", "public, max-age=300")
      return try await keys.published()
    }
    routes.on(AuthAPI.revocations) { request, _ in
      guard let after = request.after, after < 0 else {
        return RevocationFeed(try await revocations.feed(after: request.after ?? 0))
      }
      throw Problem.invalid("after", "range", "must not be negative")
    }
  }
}

extension ClientDevice {
  init(_ scope: RequestScope) { self.init(address: scope.clientAddress, userAgent: scope.userAgent) }
}
