import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP

extension AuthService {
  func bindClients(_ routes: inout Routes) {
    let clients = clients
    routes.on(AuthAPI.createClient) { request, scope in
      try await clients.create(request, by: scope.principal)
    }
    routes.on(AuthAPI.clients) { request, _ in try await clients.list(request) }
    routes.on(AuthAPI.client) { request, _ in try await clients.find(request.id) }
    routes.on(AuthAPI.updateClient) { request, scope in
      try await clients.update(request, by: scope.principal) { try scope.require($0) }
    }
    routes.on(AuthAPI.deleteClient) { request, scope in
      try await clients.delete(request.id, by: scope.principal) { try scope.require($0) }
      return Empty()
    }
    routes.on(AuthAPI.createClientSecret) { request, scope in
      try await clients.createSecret(of: request.id, by: scope.principal)
    }
    routes.on(AuthAPI.deleteClientSecret) { request, scope in
      try await clients.deleteSecret(request.secret, of: request.id, by: scope.principal)
      return Empty()
    }
  }

  func bindAPIKeys(_ routes: inout Routes) {
    let keys = apiKeys
    routes.on(AuthAPI.createAPIKey) { request, scope in
      scope.forbidCaching()
      return try await keys.create(request, by: scope.principal)
    }
    routes.on(AuthAPI.apiKeys) { request, scope in try await keys.list(request, for: scope.principal) }
    routes.on(AuthAPI.revokeAPIKey) { request, scope in
      try await keys.revoke(request.id, by: scope.principal)
      return Empty()
    }
    routes.on(AuthAPI.exchangeAPIKey) { request, scope in
      scope.forbidCaching()
      return try await keys.exchange(request)
    }
  }

  func bindOAuth(_ routes: inout Routes) {
    let (endpoint, introspector, revoker) = (tokenEndpoint, introspector, revoker)
    routes.on(AuthAPI.token) { request, scope in
      scope.forbidCaching()
      return try await scope.challengingClients {
        try await endpoint.tokens(
          for: request, authorization: scope.header("Authorization"), from: ClientDevice(scope))
      }
    }
    routes.on(AuthAPI.introspect) { request, scope in
      scope.forbidCaching()
      return try await scope.challengingClients {
        try await introspector.introspect(request, authorization: scope.header("Authorization"))
      }
    }
    routes.on(AuthAPI.revokeToken) { request, scope in
      scope.forbidCaching()
      return try await scope.challengingClients {
        try await revoker.revoke(request, authorization: scope.header("Authorization"))
        return Empty()
      }
    }
    let metadata = metadata
    for endpoint in [AuthAPI.serverMetadata, AuthAPI.openIDConfiguration] {
      routes.on(endpoint) { _, scope in
        scope.reply.setHeader("Cache-Control", "public, max-age=3600")
        return metadata
      }
    }
  }
}

extension RequestScope {
  /// Replies with tokens are not for any cache (RFC 6749 §5.1).
  func forbidCaching() { reply.setHeader("Cache-Control", "no-store") }

  /// A client that tried a header is told how to (RFC 6749 §5.2).
  func challengingClients<T>(_ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let problem as Problem where problem.status == 401 {
      reply.setHeader("WWW-Authenticate", "Basic realm=\"gravity\"")
      throw problem
    }
  }
}
