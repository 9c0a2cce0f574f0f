import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// A grant → tokens (RFC 6749 §3.2). Which client it is comes first, whether it may use that grant next.
struct TokenEndpoint: Sendable {
  let core: AuthCore
  let clients: ClientAuthentication
  let issuer: TokenIssuer
  let codes: CodeExchange
  let refresh: Refresh
  let devices: DeviceGrant

  func tokens(
    for request: TokenRequest, authorization: String?, from device: ClientDevice
  ) async throws -> TokenReply {
    guard let text = request.grantType, !text.isEmpty else {
      throw Problem(400, "invalid_request", "grant_type is missing")
    }
    let client = try await clients.authenticate(.init(request, authorization: authorization))
    guard let grant = Client.Grant(rawValue: text) else {
      throw Problem(400, "unsupported_grant_type", "There is no grant of that type here")
    }
    guard client.grants.contains(grant) else {
      throw Problem(400, "unauthorized_client", "The client may not use \(grant.rawValue)")
    }
    guard grant == .clientCredentials || request.resource != ServiceToken.audience else {
      throw Problem(400, "invalid_target", "Only a client that speaks for itself speaks to services")
    }
    switch grant {
    case .clientCredentials: return try await clientCredentials(request, client)
    case .authorizationCode:
      let (session, nonce) = try await codes.open(request, for: client, from: device)
      return try await issuer.reply(for: session, to: client, nonce: nonce)
    case .refreshToken: return try await refreshed(request, client, device)
    case .deviceCode:
      let session = try await devices.open(request, for: client, from: device)
      return try await issuer.reply(for: session, to: client, nonce: nil)
    }
  }

  /// RFC 6749 §6: a successor for the token, as everywhere here.
  private func refreshed(
    _ request: TokenRequest, _ client: ClientRow, _ device: ClientDevice
  ) async throws -> TokenReply {
    guard let token = request.refreshToken, !token.isEmpty else {
      throw Problem(400, "invalid_request", "refresh_token is missing")
    }
    do {
      let session = try await refresh.open(token, of: client.id, scope: request.scope, from: device)
      return try await issuer.reply(for: session, to: client, nonce: nil)
    } catch let problem as Problem where problem.code == "invalid_grant" {
      throw Problem(400, problem.code, problem.title)
    }
  }

  /// RFC 6749 §4.4: the client speaks for itself, so only permissions make sense.
  private func clientCredentials(_ request: TokenRequest, _ client: ClientRow) async throws -> TokenReply {
    let scopes = try OAuthScope.granted(request.scope, of: client.permissions.map(\.rawValue))
    let audience = try audience(of: request.resource, scopes)
    let (token, lifetime) = try await issuer.token(for: client, scopes: scopes, audience: audience)
    return TokenReply(accessToken: token, expiresIn: lifetime, scope: OAuthScope.text(scopes))
  }
}

extension TokenEndpoint {
  /// RFC 8707 §2: whoever is behind the gateway, or the services themselves, past which the gateway lets no such token.
  private func audience(of resource: String?, _ scopes: [String]) throws -> String {
    let configuration = core.configuration
    switch resource {
    case nil, "", configuration.audience, configuration.issuer: return configuration.audience
    case ServiceToken.audience:
      guard scopes.contains(where: { Permission(rawValue: $0).grants(ServiceToken.permission) }) else {
        throw Problem(
          400, "invalid_target", "Services take only tokens whose scope has \(ServiceToken.permission)")
      }
      return ServiceToken.audience
    default:
      throw Problem(
        400, "invalid_target", "resource is \(configuration.issuer), \(ServiceToken.audience), or is left out")
    }
  }
}

extension ClientAuthentication.Credentials {
  init(_ request: TokenRequest, authorization: String?) {
    self.init(
      authorization: authorization, clientID: request.clientID, clientSecret: request.clientSecret,
      assertionType: request.clientAssertionType, assertion: request.clientAssertion)
  }

  init(_ question: TokenQuestion, authorization: String?) {
    self.init(
      authorization: authorization, clientID: question.clientID, clientSecret: question.clientSecret,
      assertionType: question.clientAssertionType, assertion: question.clientAssertion)
  }
}
