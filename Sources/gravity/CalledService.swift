import GravityContracts
import GravityDiscovery
import GravityIdentity
import ServiceLifecycle

/// A typed client of another service, with the token of the one that calls.
struct CalledService: Sendable {
  let client: EndpointClient
  /// Keeps the instances as the registry says; runs before whoever calls.
  let follower: any Service

  /// - Parameter permissions: what the token carries, and no more.
  init(_ name: String, _ tokens: any ServiceTokens, permissions: [Permission], on ground: Ground) {
    let instances = InstanceSet(service: name)
    client = EndpointClient(
      http: ground.http, instances: instances, token: { try await tokens.token(permissions: permissions) },
      refused: { tokens.refused($0) })
    follower = FollowedInstances(instances: instances, registry: ground.registry)
  }
}
