import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOPosix
import NotificationServer
import OpenIDEngine
import OutgoingHTTPEngine
import Synchronization
import Testbed
import Testing

@testable import AuthServer

/// An OpenID provider on a socket, which does what it is told, right or wrong.
final class FakeProvider: Sendable {
  static let client = OpenIDProvider.Client(id: "gravity at fake", secret: "s3cr:t/+")

  /// Somebody with an account there.
  struct Person: Sendable {
    var subject: String
    var email: String?
    var isVerified: JSONValue = true
    var name: String? = "Ann of Fake"
  }

  struct Behaviour: Sendable {
    var key = P256.Signing.PrivateKey()
    /// nil where neither the key nor a token names it.
    var keyID: String? = "k1"
    /// What becomes of an ID token's claims.
    var claims: @Sendable ([String: JSONValue]) -> [String: JSONValue] = { $0 }
    var algorithm = "ES256"
    /// Signs with another key than the one that it publishes.
    var isForged = false
    /// Tells the address at the userinfo endpoint alone.
    var hidesAddress = false
    var namesIssuer = true
    var tokenStatus = 200
    /// Members that are not as they should be.
    var metadata: [String: JSONValue] = [:]
  }

  private struct Grant: Sendable {
    var person: Person
    var nonce: String
    var challenge: String
    var redirect: String
  }

  private struct State: Sendable {
    var behaviour = Behaviour()
    var grants: [String: Grant] = [:]
    var tokens: [String: Person] = [:]
    var posts: [String] = []
  }

  private let state = Mutex(State())
  let port: Int
  let clock: TestClock

  private init(port: Int, clock: TestClock) { (self.port, self.clock) = (port, clock) }

  var issuer: String { "http://127.0.0.1:\(port)" }
  /// Everything secret that went through: codes, tokens, the client's secret.
  var secrets: [String] {
    state.withLock { Array($0.grants.keys) + $0.tokens.keys + $0.posts } + [Self.client.secret ?? ""]
  }
  func behave(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

  /// Runs a provider and an auth service that knows it as `fake`.
  static func run(
    on engine: Engine, answersByForm: Bool = false,
    _ configure: @escaping @Sendable (inout AuthConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (AuthFixture, FakeProvider) async throws -> Void
  ) async throws {
    let box = Mutex<FakeProvider?>(nil)
    let router = Router()
    let provider: @Sendable () throws -> FakeProvider = { try #require(box.withLock { $0 }) }
    router.get("/.well-known/openid-configuration") { _, _ in try provider().discovery() }
    router.get("/keys") { _, _ in try provider().keys() }
    router.post("/token") { request, _ in
      let body = try await request.body.collect(upTo: 65_536)
      return try provider().token(request.headers[.authorization], String(buffer: body))
    }
    router.get("/userinfo") { request, _ in try provider().userInfo(request.headers[.authorization] ?? "") }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
    try await application.test(.live) { client in
      let port = try #require(client.port)
      let made: @Sendable (TestClock, RecordedLog) throws -> [FederatedProvider] = { clock, log in
        let fake = FakeProvider(port: port, clock: clock)
        box.withLock { $0 = fake }
        return [try fake.federated("fake", "Fake & Co", log, answersByForm: answersByForm)]
      }
      try await AuthFixture.run(
        on: engine,
        {
          $0.issuer = "http://id.example.org"
          configure(&$0)
        }, providers: made
      ) { auth in try await body(auth, provider()) }
    }
  }

  func federated(
    _ name: String, _ displayName: String, _ log: RecordedLog, answersByForm: Bool = false
  ) throws -> FederatedProvider {
    let clock = clock
    return try FederatedProvider(
      name: name, displayName: displayName,
      source: try OpenIDProvider(
        issuer: issuer, client: Self.client, allowsPlain: true, answersByForm: answersByForm, logger: log.logger,
        now: { clock.now }, send: Self.transport))
  }

  static let transport: OpenIDTransport = { exchange throws(OpenIDError) in
    let client = OutgoingClient(
      policy: AddressPolicy(allowsPrivate: true), group: MultiThreadedEventLoopGroup.singleton)
    let request = OutgoingRequest(
      url: exchange.url, headers: exchange.headers, body: Array((exchange.form ?? "").utf8), timeout: exchange.timeout)
    switch await client.send(
      request, exchange.form == nil ? .get : .post, greatestBody: exchange.greatestAnswer)
    {
    case .reply(let status, let body): return (status, Data(body))
    case .failed(let reason): throw OpenIDError(reason)
    }
  }

  /// What its ID tokens say of when somebody signed in, by when they came back; nil says nothing.
  func signIn(at time: @escaping @Sendable (Int64) -> Int64?) {
    let clock = clock
    behave { behaviour in
      behaviour.claims = { claims in
        var claims = claims
        claims["auth_time"] = time(Int64(clock.now.timeIntervalSince1970)).map { .integer($0) }
        return claims
      }
    }
  }

  // MARK: At its pages

  /// Somebody signs in there.
  /// - Parameter address: Where a browser was sent.
  /// - Returns: the path and query with which it comes back.
  func signIn(_ address: String, as person: Person) throws -> String {
    let asked = URLComponents(string: address)
    func field(_ name: String) throws -> String {
      try #require(asked?.queryItems?.first { $0.name == name }?.value, "\(name) in \(address)")
    }
    #expect(address.hasPrefix("\(issuer)/authorize?"))
    #expect(try field("response_type") == "code" && field("code_challenge_method") == "S256")
    #expect(try field("scope") == "openid email profile" && field("client_id") == Self.client.id)
    let redirect = try field("redirect_uri")
    #expect(redirect.replacing("https:", with: "http:") == "http://id.example.org/oauth/providers/fake/callback")
    let code = UUID().uuidString
    let grant = Grant(
      person: person, nonce: try field("nonce"), challenge: try field("code_challenge"), redirect: redirect)
    state.withLock { $0.grants[code] = grant }
    return callback([
      ("code", code), ("state", try field("state")), ("iss", FormEncoding.encoded(issuer)),
    ])
  }

  func callback(_ fields: [(name: String, value: String)]) -> String {
    "/oauth/providers/fake/callback?" + fields.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  // MARK: Its endpoints

  private func json(_ value: JSONValue, _ status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(bytes: try JSONEncoder().encode(value))))
  }

  private func discovery() throws -> Response {
    let behaviour = state.withLock { $0.behaviour }
    var said: [String: JSONValue] = [
      "issuer": .string(issuer), "authorization_endpoint": .string("\(issuer)/authorize"),
      "token_endpoint": .string("\(issuer)/token"), "jwks_uri": .string("\(issuer)/keys"),
      "userinfo_endpoint": .string("\(issuer)/userinfo"),
      "authorization_response_iss_parameter_supported": .bool(behaviour.namesIssuer),
    ]
    said.merge(behaviour.metadata) { $1 }
    return try json(.object(said))
  }

  private func keys() throws -> Response {
    let behaviour = state.withLock { $0.behaviour }
    let key = JSONWebKey(behaviour.key.publicKey)
    var entry: [String: JSONValue] = ["kty": "EC", "crv": "P-256", "x": .string(key.x), "y": .string(key.y)]
    entry["kid"] = behaviour.keyID.map { .string($0) }
    return try json(.object(["keys": .array([.object(entry)])]))
  }

  private func token(_ authorization: String?, _ form: String) throws -> Response {
    var asked = URLComponents()
    asked.percentEncodedQuery = form
    let fields = Dictionary((asked.queryItems ?? []).map { ($0.name, $0.value ?? "") }) { first, _ in first }
    let pair = "\(FormEncoding.encoded(Self.client.id)):\(FormEncoding.encoded(Self.client.secret ?? ""))"
    let (behaviour, grant) = state.withLock { state in
      (state.behaviour, fields["code"].flatMap { state.grants.removeValue(forKey: $0) })
    }
    guard authorization == "Basic \(Data(pair.utf8).base64EncodedString())" else {
      return try json(["error": "invalid_client"], .unauthorized)
    }
    guard let grant, fields["redirect_uri"] == grant.redirect,
      PKCE.matches(fields["code_verifier"], grant.challenge)
    else { return try json(["error": "invalid_grant"], .badRequest) }
    guard behaviour.tokenStatus == 200 else {
      return try json(["error": "server_error"], .init(code: behaviour.tokenStatus))
    }
    let access = UUID().uuidString
    let idToken = try sign(grant, behaviour)
    state.withLock { state in
      state.tokens[access] = grant.person
      state.posts += [fields["code"] ?? "", fields["code_verifier"] ?? "", idToken]
    }
    return try json(
      .object(["access_token": .string(access), "token_type": "Bearer", "id_token": .string(idToken)]))
  }

  private func sign(_ grant: Grant, _ behaviour: Behaviour) throws -> String {
    let now = Int64(clock.now.timeIntervalSince1970)
    var claims: [String: JSONValue] = [
      "iss": .string(issuer), "sub": .string(grant.person.subject), "aud": .string(Self.client.id),
      "exp": .integer(now + 300), "iat": .integer(now), "nonce": .string(grant.nonce), "auth_time": .integer(now - 20),
    ]
    if !behaviour.hidesAddress { claims.merge(Self.claims(of: grant.person)) { $1 } }
    claims = behaviour.claims(claims)
    var header: [String: JSONValue] = ["alg": .string(behaviour.algorithm)]
    header["kid"] = behaviour.keyID.map { .string($0) }
    let parts = try [JSONValue.object(header), .object(claims)].map {
      try JSONEncoder().encode($0).base64URLEncodedString()
    }
    let body = parts.joined(separator: ".")
    let key = behaviour.isForged ? P256.Signing.PrivateKey() : behaviour.key
    return body + "." + (try key.signature(for: Data(body.utf8)).rawRepresentation.base64URLEncodedString())
  }

  private static func claims(of person: Person) -> [String: JSONValue] {
    var claims: [String: JSONValue] = [:]
    if let email = person.email {
      claims["email"] = .string(email)
      claims["email_verified"] = person.isVerified
    }
    if let name = person.name { claims["name"] = .string(name) }
    return claims
  }

  private func userInfo(_ authorization: String) throws -> Response {
    let token = String(authorization.dropFirst("Bearer ".count))
    guard let person = state.withLock({ $0.tokens[token] }) else { return try json(["error": "x"], .unauthorized) }
    var claims = Self.claims(of: person)
    claims["sub"] = .string(person.subject)
    return try json(.object(claims))
  }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
  init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(Dictionary(members) { _, last in last })
  }
}

extension Browser {
  /// The sign-in page of an app, and from there to the provider.
  /// - Returns: where the browser is sent.
  func go(to provider: String, for app: App, _ more: [String: String?] = [:]) async throws -> String {
    let page = try await get(app.address(more))
    return try await follow(page, to: provider).location
  }

  /// Follows the page's link to a provider.
  func follow(_ page: Answer, to provider: String) async throws -> Answer {
    let start = try #require(page.text.range(of: "href=\"/oauth/providers/\(provider)?"), "\(page.text)")
    let path = page.text[start.lowerBound...].dropFirst("href=\"".count).prefix { $0 != "\"" }
    return try await get(String(path).replacing("&amp;", with: "&"), headers: ["Sec-Fetch-Site": "same-origin"])
  }
}
