import AuthAPI
import AuthServer
import Foundation
import GravityDiscovery
import GravityIdentity
import GravityService
import ServiceLifecycle

/// How the parts of this process verify tokens: with auth's own keys and blacklist where it is here, and with what it
/// tells over HTTP where it is elsewhere.
struct Verification: Sendable {
  let issuer: String
  let keys: any KeySource
  let revocations: RevocationList
  /// What keeps the two up to date.
  let followers: [any Service]

  /// Of users only: what clients may bring to the gateway.
  var users: JWTVerifier {
    JWTVerifier(issuers: [.init(name: issuer, audience: "gravity", keys: keys)], revocations: revocations)
  }

  /// Of users, for a gateway that asks the blacklist by itself.
  var usersUnasked: JWTVerifier {
    JWTVerifier(issuers: [.init(name: issuer, audience: "gravity", keys: keys)], revocations: nil)
  }

  /// Of users and of the platform's services: what a service takes.
  ///
  /// - Parameter tokenStore: Asked while auth tells nothing.
  func usersAndServices(_ masterKey: MasterKey, tokenStore: (any TokenStore)?) async throws -> JWTVerifier {
    JWTVerifier(
      issuers: [
        .init(name: issuer, audience: "gravity", keys: keys, serviceAudience: ServiceToken.audience),
        try await .services(masterKey: masterKey),
      ], revocations: revocations, tokenStore: tokenStore)
  }

  init(issuer: String, keys: any KeySource, revocations: RevocationList, followers: [any Service] = []) {
    self.issuer = issuer
    self.keys = keys
    self.revocations = revocations
    self.followers = followers
  }

  /// Where auth is in another process.
  init(over ground: Ground) async throws {
    let revocations = RevocationList(maximumAge: RevocationFollower.maximumAge)
    let instances = InstanceSet(service: AuthAPI.service)
    let tokens = try await ground.credentials.tokens(of: "verification")
    let client = EndpointClient(
      http: ground.http, instances: instances, token: { try await tokens.token(permissions: []) },
      refused: { tokens.refused($0) })
    let open = EndpointClient(http: ground.http, instances: instances)
    self.init(
      issuer: try ground.configuration.layers.value(Settings.issuer),
      keys: FetchedKeySource { try JSONEncoder().encode(try await open(AuthAPI.keys)) }, revocations: revocations,
      followers: [
        RevocationFollower(
          client: client, instances: instances, registry: ground.registry,
          revocations: FollowedRevocations(list: revocations, masterKey: ground.masterKey), broker: ground.broker,
          logger: ground.telemetry("gravity").logger("revocations"))
      ])
  }
}
