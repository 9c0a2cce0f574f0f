import GravityContracts
import GravityHTTP
import UserAPI

extension UserService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindProfile(&routes)
    bindPreferences(&routes)
    bindAddresses(&routes)
    bindAdministration(&routes)
    bindNotificationSettings(&routes)
    bindErasures(&routes)
    bindConsents(&routes)
    bindTeams(&routes)
    bindExports(&routes)
    bindPersonalData(&routes)
  }

  private func bindProfile(_ routes: inout Routes) {
    let (profiles, deletion) = (profiles, deletion)
    routes.on(UserAPI.profile) { _, scope in try await profiles.own(scope.principal) }
    routes.on(UserAPI.updateProfile) { request, scope in
      try await profiles.update(request, of: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.deleteProfile) { _, scope in try await deletion.request(by: scope.principal, scope.precondition) }
    routes.on(UserAPI.restoreProfile) { _, scope in try await deletion.restore(by: scope.principal) }
  }

  private func bindPreferences(_ routes: inout Routes) {
    let preferences = preferences
    routes.on(UserAPI.preferences) { _, scope in try await preferences.list(scope.principal) }
    routes.on(UserAPI.preference) { request, scope in
      try await preferences.find(request.namespace, of: scope.principal)
    }
    routes.on(UserAPI.putPreference) { request, scope in
      try await preferences.put(request, of: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.patchPreference) { request, scope in
      try await preferences.patch(request, of: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.deletePreference) { request, scope in
      try await preferences.delete(request.namespace, of: scope.principal, scope.precondition)
      return Empty()
    }
  }

  private func bindAddresses(_ routes: inout Routes) {
    let addresses = addresses
    routes.on(UserAPI.addresses) { request, scope in try await addresses.list(request, of: scope.principal) }
    routes.on(UserAPI.createAddress) { request, scope in
      scope.unwrap(try await addresses.create(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.address) { request, scope in try await addresses.find(request.id, of: scope.principal) }
    routes.on(UserAPI.updateAddress) { request, scope in
      try await addresses.update(request, by: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.deleteAddress) { request, scope in
      try await addresses.delete(request.id, by: scope.principal, scope.precondition)
      return Empty()
    }
  }

  private func bindAdministration(_ routes: inout Routes) {
    let administration = administration
    routes.on(UserAPI.users) { request, _ in try await administration.list(request) }
    routes.on(UserAPI.user) { request, _ in try await administration.find(request.id) }
  }
}

extension UserService {
  private func bindErasures(_ routes: inout Routes) {
    let (erasures, holds) = (erasures, holds)
    routes.on(UserAPI.erasures) { request, _ in try await erasures.list(request) }
    routes.on(UserAPI.erasure) { request, _ in try await erasures.status(of: request.id) }
    routes.on(UserAPI.erasureDryRun) { request, _ in try await erasures.dryRun(of: request.id) }
    routes.on(UserAPI.erasureCertificate) { request, _ in try await erasures.certificate(of: request.id) }
    routes.on(UserAPI.legalHolds) { request, _ in try await holds.list(of: request.id) }
    routes.on(UserAPI.setLegalHold) { request, scope in try await holds.set(request, by: scope.principal) }
    routes.on(UserAPI.releaseLegalHold) { request, scope in try await holds.release(request, by: scope.principal) }
  }
}

extension RequestScope {
  var precondition: Precondition {
    Precondition { tag in
      if let tag { return try require(tag) }
      // RFC 9110 §13.1.1: what does not exist matches nothing, not even `*`.
      guard ifMatch == nil else {
        throw Problem(412, "precondition_failed", "There is nothing here that could match If-Match")
      }
    }
  }
}
