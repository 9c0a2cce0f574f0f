public import AuthServer
public import Foundation
import GravityIdentity
public import Logging

/// An OpenID provider that people sign in with: Google, Entra, Keycloak, one's own, another Gravity.
///
/// The authorization code flow with PKCE S256, a state and a nonce (OpenID Connect Core §3.1, RFC 9700). ID tokens are
/// RS256, ES256 or EdDSA; an address that is not in them is asked for at the userinfo endpoint. What an answer says of
/// itself is compared with the issuer that was configured, so that no provider answers in another's place (RFC 9207).
public struct OpenIDProvider: IdentityProvider {
  private static let algorithms: Set = ["RS256", "ES256", "EdDSA"]
  private static let greatestToken = 16_384
  private static let greatestAnswer = 64 << 10
  /// Of each request; one sign-in takes at most four.
  private static let timeout: Duration = .seconds(5)

  /// As it was configured; with `{tenantid}` in its path, it stands for all tenants of the provider.
  public var issuer: String { name.text }
  private let name: OpenIDIssuer
  private let client: Client
  private let answersByForm: Bool
  private let discovery: OpenIDDiscovery
  private let keys: OpenIDKeys
  private let send: OpenIDTransport
  private let now: @Sendable () -> Date

  /// What the provider knows this platform by.
  public struct Client: Sendable, Hashable {
    public var id: String
    /// nil of a public client.
    public var secret: String?
    /// With `openid` among them.
    public var scopes: [String]

    public init(id: String, secret: String?, scopes: [String] = ["openid", "email", "profile"]) {
      self.id = id
      self.secret = secret
      self.scopes = scopes
    }
  }

  /// Nothing is asked of the provider before somebody wants to sign in.
  ///
  /// - Parameters:
  ///   - issuer: `https`, or `http` on loopback where `allowsPlain` says so; without query and fragment. With
  ///     `{tenantid}` in its path people of every tenant come (Entra): each is an issuer of its own, by the id in its
  ///     tokens.
  ///   - tenants: What stands there where the provider tells of itself: `common`, `organizations`.
  ///   - allowsPlain: For development, and for what runs on the same machine.
  ///   - answersByForm: Whether the browser is to come back with a form instead of a query (OAuth 2.0 Form Post
  ///     Response Mode): Apple tells no address otherwise.
  /// - Throws: ``OpenIDError`` that says what is wrong with the issuer or the client.
  public init(
    issuer: String, tenants: String = "common", client: Client, allowsPlain: Bool = false, answersByForm: Bool = false,
    logger: Logger, now: @escaping @Sendable () -> Date = { Date() }, send: @escaping OpenIDTransport
  ) throws(OpenIDError) {
    guard let name = OpenIDIssuer(issuer) else {
      throw OpenIDError("issuer may have \(OpenIDIssuer.placeholder) once, in its path")
    }
    guard let url = OpenIDAddress.checked(name.naming(tenants), allowsPlain: allowsPlain), url.query() == nil else {
      throw OpenIDError(
        allowsPlain
          ? "issuer has to be an https address, or http on loopback, without a query"
          : "issuer has to be an https address without a query")
    }
    guard (1...255).contains(client.id.utf8.count) else { throw OpenIDError("client_id has 1 to 255 bytes") }
    guard client.secret.map({ (1...4_096).contains($0.utf8.count) }) ?? true else {
      throw OpenIDError("client_secret has 1 to 4096 bytes")
    }
    guard client.scopes.contains("openid"), client.scopes.allSatisfy(Self.isScope) else {
      throw OpenIDError("scopes are words, and openid is one of them")
    }
    self.name = name
    self.client = client
    self.answersByForm = answersByForm
    self.now = now
    self.send = send
    let isPlain = url.scheme?.lowercased() == "http"
    // Discovery §4.1: a slash at the end does not count.
    let told = name.naming(tenants)
    let base = told.hasSuffix("/") ? String(told.dropLast()) : told
    guard let place = URL(string: base + "/.well-known/openid-configuration") else {
      throw OpenIDError("issuer has to be an address")
    }
    let discovery = OpenIDDiscovery(logger: logger, now: now) { () async throws(OpenIDError) in
      let document = try await Self.read(place, OpenIDMetadata.greatestSize, send)
      return try OpenIDMetadata(document: document, issuer: issuer, allowsPlain: isPlain)
    }
    self.discovery = discovery
    keys = OpenIDKeys(logger: logger, now: now) {
      try await Self.read(try await discovery.current().keys, OpenIDKeySet.greatestSize, send)
    }
  }

  public func address(toSignIn request: ProviderRequest) async throws(ProviderFailure) -> String {
    let metadata = try await metadata()
    var fields: [(name: String, value: String)] = [
      ("response_type", "code"), ("client_id", client.id), ("redirect_uri", request.redirectURI),
      ("scope", client.scopes.joined(separator: " ")), ("state", request.state), ("nonce", request.nonce),
      ("code_challenge", PKCE.challenge(of: request.codeVerifier)), ("code_challenge_method", "S256"),
    ]
    if answersByForm { fields.append(("response_mode", "form_post")) }
    if let prompt = request.prompt { fields.append(("prompt", prompt)) }
    if let age = request.maximumAge {
      // By `max_age` a provider has to tell the time (OpenID Connect Core §2). Google does so only where it is asked for
      // (§5.5); whoever does not know how to be asked passes that over.
      fields += [("max_age", "\(age)"), ("claims", #"{"id_token":{"auth_time":{"essential":true}}}"#)]
    }
    let text = metadata.authorization.absoluteString
    return text + (text.contains("?") ? "&" : "?") + FormEncoding.encoded(fields)
  }

  public func issues(as issuer: String) -> Bool { name.matches(issuer) }

  public func identity(
    from answer: ProviderAnswer, to request: ProviderRequest
  ) async throws(ProviderFailure) -> ProviderIdentity {
    let metadata = try await metadata()
    guard answer.issuer != nil || !metadata.namesIssuer else {
      throw ProviderFailure(.invalid, "the answer does not say who gives it (RFC 9207)")
    }
    guard answer.issuer.map(name.matches) ?? true else {
      throw ProviderFailure(.invalid, "the answer is of another issuer")
    }
    if let error = answer.error {
      throw ProviderFailure(
        error == "temporarily_unavailable" || error == "server_error" ? .unavailable : .denied,
        "the provider answered \(Self.printable(error))")
    }
    guard let code = answer.code, (1...4_096).contains(code.utf8.count) else {
      throw ProviderFailure(.invalid, "the answer has no code")
    }
    let tokens = try await redeem(code, request, metadata)
    let claims: IDTokenClaims
    let key: OpenIDKey
    do throws(TokenRefusal) {
      (claims, key) = try await OpenIDToken.claims(
        IDTokenClaims.self, of: tokens.idToken, atMost: Self.greatestToken, types: ["jwt"],
        algorithms: Self.algorithms, keys: keys)
    } catch {
      throw ProviderFailure(
        error.code == .unavailable ? .unavailable : .invalid, "the ID token: \(error.description)")
    }
    guard name.mayKey(of: key.issuer, signFor: claims.issuer), answer.issuer ?? claims.issuer == claims.issuer else {
      throw ProviderFailure(.invalid, "the ID token is of another issuer")
    }
    try claims.check(
      issuer: name, client: client.id, nonce: request.nonce, maximumAge: request.maximumAge, now: now())
    var person = claims.person
    if person.email == nil, let place = metadata.userInfo, let token = tokens.accessToken {
      let told = try await self.person(at: place, token, subject: claims.subject)
      (person.email, person.emailIsVerified) = (told.email, told.emailIsVerified)
      person.name = person.name ?? told.name
    }
    return ProviderIdentity(
      issuer: claims.issuer, subject: claims.subject, email: person.email, emailIsVerified: person.emailIsVerified,
      name: person.name, authenticatedAt: claims.authenticatedAt.map { min($0, now()) })
  }

  // MARK: Requests

  private struct Tokens: Decodable {
    var idToken: String
    var accessToken: String?

    enum CodingKeys: String, CodingKey {
      case idToken = "id_token"
      case accessToken = "access_token"
    }
  }

  private struct Refusal: Decodable { var error: String }

  /// OpenID Connect Core §3.1.3.
  private func redeem(
    _ code: String, _ request: ProviderRequest, _ metadata: OpenIDMetadata
  ) async throws(ProviderFailure) -> Tokens {
    var headers = ["content-type": "application/x-www-form-urlencoded", "accept": "application/json"]
    var form: [(name: String, value: String)] = [
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", request.redirectURI),
      ("code_verifier", request.codeVerifier),
    ]
    if let secret = client.secret, !metadata.postsSecret {
      // RFC 6749 §2.3.1: as in a form, then in base64.
      let pair = "\(FormEncoding.encoded(client.id)):\(FormEncoding.encoded(secret))"
      headers["authorization"] = "Basic \(Data(pair.utf8).base64EncodedString())"
    } else {
      form.append(("client_id", client.id))
      if let secret = client.secret { form.append(("client_secret", secret)) }
    }
    let (status, body) = try await exchange(
      OpenIDExchange(
        url: metadata.token, headers: headers, form: FormEncoding.encoded(form), greatestAnswer: Self.greatestAnswer,
        timeout: Self.timeout))
    guard status == 200 else {
      let error = (try? JSONDecoder().decode(Refusal.self, from: body)).map { ", \(Self.printable($0.error))" } ?? ""
      throw ProviderFailure(
        status >= 500 || status == 429 ? .unavailable : .invalid, "the token endpoint answered \(status)\(error)")
    }
    do { return try JSONDecoder().decode(Tokens.self, from: body) } catch {
      throw ProviderFailure(.invalid, "the token endpoint gave no ID token")
    }
  }

  /// OpenID Connect Core §5.3: of no other person than the ID token's (§5.3.2).
  private func person(
    at place: URL, _ token: String, subject: String
  ) async throws(ProviderFailure) -> PersonClaims {
    struct Subject: Decodable { var sub: String }
    guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw ProviderFailure(.invalid, "the access token cannot be sent")
    }
    let (status, body) = try await exchange(
      OpenIDExchange(
        url: place, headers: ["authorization": "Bearer \(token)", "accept": "application/json"],
        greatestAnswer: Self.greatestAnswer, timeout: Self.timeout))
    guard status == 200 else {
      throw ProviderFailure(status >= 500 ? .unavailable : .invalid, "the userinfo endpoint answered \(status)")
    }
    guard let said = try? JSONDecoder().decode(Subject.self, from: body), said.sub == subject,
      let person = try? JSONDecoder().decode(PersonClaims.self, from: body)
    else { throw ProviderFailure(.invalid, "the userinfo endpoint tells of another person") }
    return person
  }

  private func metadata() async throws(ProviderFailure) -> OpenIDMetadata {
    do throws(OpenIDError) { return try await discovery.current() } catch {
      throw ProviderFailure(.unavailable, error.description)
    }
  }

  private func exchange(_ exchange: OpenIDExchange) async throws(ProviderFailure) -> (status: Int, body: Data) {
    do throws(OpenIDError) { return try await send(exchange) } catch {
      throw ProviderFailure(.unavailable, error.description)
    }
  }

  private static func read(_ place: URL, _ size: Int, _ send: OpenIDTransport) async throws(OpenIDError) -> Data {
    let (status, body) = try await send(
      OpenIDExchange(
        url: place, headers: ["accept": "application/json"], greatestAnswer: size + 1, timeout: Self.timeout))
    guard status == 200 else { throw OpenIDError("\(place.host() ?? "the provider") answered \(status)") }
    guard body.count <= size else { throw OpenIDError("a document of the provider is larger than \(size) bytes") }
    return body
  }

  // MARK: Texts

  /// RFC 6749 §3.3.
  private static func isScope(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 == 0x21 || (0x23...0x5B).contains($0) || (0x5D...0x7E).contains($0) }
  }

  /// A code of an error, for the log.
  private static func printable(_ text: String) -> String {
    String(text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(64).map(Character.init))
  }
}
