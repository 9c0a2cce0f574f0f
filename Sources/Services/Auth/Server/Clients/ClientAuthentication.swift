import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Which client calls (RFC 6749 §2.3). An unknown client, a wrong secret and a method that is not the client's own get
/// the same answer after the same work.
struct ClientAuthentication: Sendable {
  let core: AuthCore
  let known: KnownClients

  /// As it came: in the header, or among the fields.
  struct Credentials: Sendable {
    var authorization: String?
    var clientID: String?
    var clientSecret: String?
    var assertionType: String?
    var assertion: String?

    var isEmpty: Bool { authorization == nil && clientID == nil && clientSecret == nil && assertion == nil }
  }

  static let refusal = Problem(401, "invalid_client", "The client is not known, or did not prove who it is")

  private enum Claim {
    case secret(UUID?, String, Client.Authentication)
    case assertion(ClientAssertion)
    case none(UUID?)
  }

  /// - Throws: `Problem` 401 `invalid_client`, 400 `invalid_request` when there is more than one kind of proof.
  func authenticate(_ credentials: Credentials) async throws -> ClientRow {
    switch try claim(credentials) {
    case .secret(let id, let secret, let method): return try await check(id, secret, method)
    case .assertion(let assertion): return try await check(assertion)
    case .none(let id):
      guard let client = try await find(id)?.client, client.enabled, client.authentication == .none else {
        throw Self.refusal
      }
      return client
    }
  }

  private func claim(_ credentials: Credentials) throws -> Claim {
    let kinds = [credentials.authorization, credentials.clientSecret, credentials.assertion].compactMap { $0 }.count
    guard kinds <= 1 else {
      throw Problem(400, "invalid_request", "A client proves who it is in one way only (RFC 6749 §2.3)")
    }
    if let header = credentials.authorization {
      guard let (id, secret) = Self.basic(header) else { throw Self.refusal }
      guard credentials.clientID == nil || credentials.clientID == id else {
        throw Problem(400, "invalid_request", "client_id is not that of the Authorization header")
      }
      return .secret(UUID(uuidString: id), secret, .secretBasic)
    }
    if let secret = credentials.clientSecret {
      return .secret(credentials.clientID.flatMap(UUID.init(uuidString:)), secret, .secretPost)
    }
    if let assertion = credentials.assertion {
      guard credentials.assertionType == ClientAssertion.type else {
        throw Problem(400, "invalid_request", "client_assertion_type must be \(ClientAssertion.type)")
      }
      guard let assertion = ClientAssertion(assertion),
        credentials.clientID == nil || credentials.clientID == assertion.clientID.lowercased
      else { throw Self.refusal }
      return .assertion(assertion)
    }
    return .none(credentials.clientID.flatMap(UUID.init(uuidString:)))
  }

  private func check(_ id: UUID?, _ secret: String, _ method: Client.Authentication) async throws -> ClientRow {
    let found = try await find(id)
    let given = ClientSecret.hash(secret)
    // Compared with something also where there is nothing to compare with.
    let kept = found?.secrets.map(\.hash) ?? []
    let matches = (kept + [[UInt8](repeating: 0, count: 32)]).map { ConstantTime.areEqual($0, given) }
    guard let client = found?.client, client.enabled, client.authentication == method, matches.contains(true) else {
      throw Self.refusal
    }
    return client
  }

  private func check(_ assertion: ClientAssertion) async throws -> ClientRow {
    let issuer = core.configuration.issuer
    // The issuer's name is what it should be; many clients still send the address that they call.
    let endpoints = [
      AuthAPI.token.path, AuthAPI.introspect.path, AuthAPI.revokeToken.path,
      AuthAPI.deviceAuthorization.path,
    ]
    let audiences = Set([issuer] + endpoints.map { issuer + $0 })
    guard let client = try await find(assertion.clientID)?.client, client.enabled,
      client.authentication == .privateKeyJWT,
      await assertion.isGood(keys: client.keys, audiences: audiences, now: core.clock.now())
    else { throw Self.refusal }
    let (use, expiresAt) = assertion.use
    let isFirst = try await core.write { transaction, _ in
      try ClientSecretStore(transaction).use(assertion: use, of: client.id, until: expiresAt)
    }
    guard isFirst else { throw Self.refusal }
    return client
  }

  private func find(_ id: UUID?) async throws -> KnownClient? {
    // An id that is none is looked for, too.
    try await known.find(id ?? UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
  }

  /// RFC 6749 §2.3.1: both halves are encoded as in a form.
  private static func basic(_ header: String) -> (id: String, secret: String)? {
    guard header.utf8.count <= 2048, header.utf8.prefix(6).elementsEqual("basic ".utf8, by: { $0 | 0x20 == $1 }),
      let data = Data(base64Encoded: String(header.dropFirst(6).drop { $0 == " " })),
      let text = String(validating: data, as: UTF8.self), let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
      let id = decoded(text[..<colon]), let secret = decoded(text[text.utf8.index(after: colon)...])
    else { return nil }
    return (id, secret)
  }

  private static func decoded(_ text: Substring) -> String? {
    // As ids and secrets of ours are.
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    return String(text).removingPercentEncoding
  }
}
