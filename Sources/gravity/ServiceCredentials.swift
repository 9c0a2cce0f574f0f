import AsyncHTTPClient
import AuthAPI
import Foundation
import GravityContracts
import GravityDiscovery
import GravityIdentity
import GravityService
import ServiceLifecycle

/// By what the services of this process are known to the others: a client that auth issues tokens to, where one is
/// named; else tokens that they sign themselves, with the key that the master key gives.
struct ServiceCredentials: Sendable {
  private let masterKey: MasterKey
  private let client: (tokens: ClientTokens, auth: InstanceSet)?

  init(_ layers: LayeredConfiguration, _ masterKey: MasterKey, _ http: HTTPClient) throws {
    self.masterKey = masterKey
    let (id, secret) = (try layers.optional(Settings.serviceClient), try layers.optional(Settings.serviceClientSecret))
    switch (id, secret) {
    case (nil, nil): client = nil
    case (let id?, let secret?):
      let instances = InstanceSet(service: AuthAPI.service)
      // RFC 6749 §2.3.1; neither has a character that would have to be encoded.
      let basic = Data("\(id):\(secret)".utf8).base64EncodedString()
      client = (
        Self.tokens(EndpointClient(http: http, instances: instances, scheme: "Basic") { basic }), instances
      )
    default:
      throw StartFailure(
        .configuration, "GRAVITY_SERVICE_CLIENT_ID and GRAVITY_SERVICE_CLIENT_SECRET are set together, or neither is")
    }
  }

  private static func tokens(_ auth: EndpointClient) -> ClientTokens {
    ClientTokens { permissions in
      var request = TokenRequest()
      request.grantType = "client_credentials"
      request.resource = ServiceToken.audience
      request.scope = ([ServiceToken.permission] + permissions).map(\.rawValue).joined(separator: " ")
      let reply = try await auth(AuthAPI.token, request)
      return .init(token: reply.accessToken, lifetime: TimeInterval(reply.expiresIn))
    }
  }

  /// - Parameter service: Who calls, which is `sub` of tokens that it signs itself.
  func tokens(of service: String) async throws -> any ServiceTokens {
    if let client { return client.tokens }
    return try await ServiceTokenSigner(service: service, masterKey: masterKey)
  }

  /// What keeps them usable; runs before whoever calls.
  func followers(_ registry: any Registry) -> [any Service] {
    client.map { [FollowedInstances(instances: $0.auth, registry: registry)] } ?? []
  }
}
