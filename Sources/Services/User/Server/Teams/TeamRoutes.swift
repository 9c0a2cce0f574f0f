import GravityContracts
import GravityHTTP
import UserAPI

extension UserService {
  /// Decodes, calls, encodes; nothing else.
  func bindTeams(_ routes: inout Routes) {
    let (teams, members, invites) = (teams, members, invites)
    routes.on(UserAPI.createTeam) { request, scope in
      scope.unwrap(try await teams.create(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.teams) { request, scope in try await teams.list(request, of: scope.principal) }
    routes.on(UserAPI.team) { request, scope in try await teams.find(request.id, for: scope.principal) }
    routes.on(UserAPI.renameTeam) { request, scope in
      try await teams.rename(request, by: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.deleteTeam) { request, scope in
      try await teams.delete(request.id, by: scope.principal, scope.precondition)
      return Empty()
    }
    routes.on(UserAPI.teamMembers) { request, scope in try await members.list(request, for: scope.principal) }
    routes.on(UserAPI.changeTeamRole) { request, scope in
      try await members.change(request, by: scope.principal, scope.precondition)
    }
    routes.on(UserAPI.removeTeamMember) { request, scope in
      try await members.remove(request.userID, from: request.id, by: scope.principal)
      return Empty()
    }
    routes.on(UserAPI.leaveTeam) { request, scope in
      try await members.leave(request.id, by: scope.principal)
      return Empty()
    }
    routes.on(UserAPI.inviteToTeam) { request, scope in
      scope.unwrap(try await invites.create(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.teamInvites) { request, scope in try await invites.list(request, for: scope.principal) }
    routes.on(UserAPI.resendTeamInvite) { request, scope in try await invites.resend(request, by: scope.principal) }
    routes.on(UserAPI.revokeTeamInvite) { request, scope in
      try await invites.revoke(request, by: scope.principal)
      return Empty()
    }
    routes.on(UserAPI.acceptTeamInvite) { request, scope in
      scope.unwrap(try await invites.accept(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.declineTeamInvite) { request, scope in
      try await invites.decline(request, by: scope.principal)
      return Empty()
    }
  }
}
