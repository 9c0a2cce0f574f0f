import Foundation
import Logging

/// What a provider says of itself (OpenID Connect Discovery §3), as far as it is of use here.
struct OpenIDMetadata: Sendable {
  static let greatestSize = 64 << 10

  var authorization: URL
  var token: URL
  var keys: URL
  var userInfo: URL?
  /// Whether the client's secret goes into the body instead of the header.
  var postsSecret: Bool
  /// Whether answers name their issuer (RFC 9207 §3).
  var namesIssuer: Bool

  /// - Parameter allowsPlain: Whether addresses may be plain `http` on loopback: those of a provider whose issuer is.
  init(document: Data, issuer: String, allowsPlain: Bool) throws(OpenIDError) {
    let said: Document
    do { said = try JSONDecoder().decode(Document.self, from: document) } catch {
      throw OpenIDError("the provider's metadata cannot be read")
    }
    // §4.3: else one provider could speak for another.
    guard said.issuer == issuer else { throw OpenIDError("the provider's metadata is of another issuer") }
    func address(_ text: String, _ name: String) throws(OpenIDError) -> URL {
      guard let url = OpenIDAddress.checked(text, allowsPlain: allowsPlain) else {
        throw OpenIDError("the provider's \(name) is no https address")
      }
      return url
    }
    authorization = try address(said.authorizationEndpoint, "authorization_endpoint")
    token = try address(said.tokenEndpoint, "token_endpoint")
    keys = try address(said.jwksURI, "jwks_uri")
    userInfo = try said.userInfoEndpoint.map { text throws(OpenIDError) in try address(text, "userinfo_endpoint") }
    // The standard's own default (§3).
    let methods = said.methods ?? ["client_secret_basic"]
    postsSecret = !methods.contains("client_secret_basic") && methods.contains("client_secret_post")
    namesIssuer = said.namesIssuer ?? false
  }

  private struct Document: Decodable {
    var issuer: String
    var authorizationEndpoint: String
    var tokenEndpoint: String
    var jwksURI: String
    var userInfoEndpoint: String?
    var methods: [String]?
    var namesIssuer: Bool?

    enum CodingKeys: String, CodingKey {
      case issuer
      case authorizationEndpoint = "authorization_endpoint"
      case tokenEndpoint = "token_endpoint"
      case jwksURI = "jwks_uri"
      case userInfoEndpoint = "userinfo_endpoint"
      case methods = "token_endpoint_auth_methods_supported"
      case namesIssuer = "authorization_response_iss_parameter_supported"
    }
  }
}

/// Addresses of a provider: `https`, or `http` on loopback where that is allowed; no user, no fragment.
enum OpenIDAddress {
  static func checked(_ text: String, allowsPlain: Bool) -> URL? {
    guard text.utf8.count <= 2_048, let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
      parts.user == nil, parts.password == nil, parts.fragment == nil, let url = parts.url
    else { return nil }
    switch parts.scheme?.lowercased() {
    case "https": return url
    case "http": return allowsPlain && isLoopback(host) ? url : nil
    default: return nil
    }
  }

  static func isLoopback(_ host: String) -> Bool { ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host) }
}

/// A provider's metadata, read again every hour; the last that could be read stay good while it is away.
actor OpenIDDiscovery {
  private static let maximumAge: TimeInterval = 3600
  /// Seconds between two reads, so that a provider that is away is not asked by everybody who wants to sign in.
  private static let minimumInterval: TimeInterval = 5

  private let fetch: @Sendable () async throws(OpenIDError) -> OpenIDMetadata
  private let now: @Sendable () -> Date
  private let logger: Logger

  private var metadata: OpenIDMetadata?
  private var readAt: Date?
  private var attemptedAt: Date?
  private var failure: OpenIDError?
  private var reading: Task<Void, Never>?

  init(
    logger: Logger, now: @escaping @Sendable () -> Date,
    fetch: @escaping @Sendable () async throws(OpenIDError) -> OpenIDMetadata
  ) {
    self.logger = logger
    self.now = now
    self.fetch = fetch
  }

  func current() async throws(OpenIDError) -> OpenIDMetadata {
    let isFresh = readAt.map { now().timeIntervalSince($0) < Self.maximumAge } ?? false
    if isFresh, let metadata { return metadata }
    let mayAsk = attemptedAt.map { now().timeIntervalSince($0) >= Self.minimumInterval } ?? true
    if mayAsk || reading != nil { await read() }
    guard let metadata else { throw failure ?? OpenIDError("the provider's metadata cannot be read") }
    return metadata
  }

  private func read() async {
    if let reading { return await reading.value }
    attemptedAt = now()
    // A task of its own: a caller that goes away does not take the read from the others that wait for it.
    let task = Task { await readOnce() }
    reading = task
    await task.value
    reading = nil
  }

  private func readOnce() async {
    do throws(OpenIDError) {
      metadata = try await fetch()
      (readAt, failure) = (now(), nil)
    } catch {
      logger.warning("a provider's metadata cannot be read", metadata: ["error.message": "\(error)"])
      failure = error
    }
  }
}
