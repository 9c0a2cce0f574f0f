import AuthAPI
import Crypto
import Foundation
import GravityContracts
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Synchronization
import Testbed
import Testing

@testable import AuthServer

/// A browser: cookies, forms, and redirects that it does not follow.
final class Browser: Sendable {
  typealias Answer = Testbed.Reply<Empty>

  private let auth: AuthFixture
  private let cookies = Mutex<[String: String]>([:])

  init(_ auth: AuthFixture) { self.auth = auth }

  var hasSession: Bool { cookies.withLock { $0["gravity_session"] != nil } }

  func get(_ path: String, headers: [String: String] = [:]) async throws -> Answer {
    try await send(.get, path, nil, headers)
  }

  func post(_ path: String, _ fields: [String: String], headers: [String: String] = [:]) async throws -> Answer {
    let form = fields.map { "\(FormEncoding.encoded($0.key))=\(FormEncoding.encoded($0.value))" }
    return try await send(.post, path, form.sorted().joined(separator: "&"), headers)
  }

  /// As a page's script sends it.
  func send(json path: String, _ fields: [String: String]) async throws -> Answer {
    let body = try JSONSerialization.data(withJSONObject: fields)
    return try await send(.post, path, String(decoding: body, as: UTF8.self), [:], type: "application/json")
  }

  /// The hidden fields of a page's form, with `fields`.
  static func fields(of page: Answer, _ fields: [String: String]) -> [String: String] {
    var found = fields
    for name in ["request", "form_token"] where found[name] == nil {
      let start = "name=\"\(name)\" value=\""
      guard let range = page.text.range(of: start) else { continue }
      found[name] = String(page.text[range.upperBound...].prefix { $0 != "\"" })
    }
    return found
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, _ form: String?, _ more: [String: String],
    type: String = "application/x-www-form-urlencoded"
  ) async throws -> Answer {
    var headers: HTTPFields = [.userAgent: "browser/1"]
    if form != nil { headers[.contentType] = type }
    let kept = cookies.withLock { $0 }
    if !kept.isEmpty { headers[.cookie] = kept.map { "\($0.key)=\($0.value)" }.joined(separator: "; ") }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    let answer = Answer(
      try await auth.client.execute(
        uri: path, method: method, headers: headers, body: form.map { ByteBuffer(string: $0) }))
    if let set = answer.headers[.setCookie] {
      let pair = set.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
      cookies.withLock { $0[String(pair[0])] = String(pair[1]) }
    }
    return answer
  }
}

extension Testbed.Reply {
  var location: String { headers[.location] ?? "" }

  /// A parameter of where the browser is sent.
  func parameter(_ name: String) -> String? {
    URLComponents(string: location)?.queryItems?.first { $0.name == name }?.value
  }
}

/// An app that signs people in, as a client library does it.
struct App: Sendable {
  static let redirect = "https://app.example/cb"
  let id: String
  let secret: String?
  /// RFC 7636 appendix B.
  let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

  static func register(_ auth: AuthFixture, _ more: [String: Any] = [:]) async throws -> App {
    var fields: [String: Any] = [
      "name": "Shop <app>", "grants": ["authorization_code", "refresh_token"], "redirect_uris": [redirect],
      "scopes": ["openid", "profile", "email", "offline_access", "account", "accounts:read"],
    ]
    fields.merge(more) { $1 }
    let made = try await auth.newClient(fields)
    return App(id: made.client.id.lowercased, secret: made.clientSecret)
  }

  var proof: ClientProof { secret.map { .basic(id, $0) } ?? .identifier(id) }

  func address(_ more: [String: String?] = [:]) -> String {
    var fields: [String: String?] = [
      "response_type": "code", "client_id": id, "redirect_uri": Self.redirect, "scope": "openid profile offline_access",
      "state": "st&te", "nonce": "n-1", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      "code_challenge_method": "S256",
    ]
    for (name, value) in more { fields.updateValue(value, forKey: name) }
    let query = fields.compactMap { name, value in value.map { "\(name)=\(FormEncoding.encoded($0))" } }
    return "/oauth/authorize?\(query.sorted().joined(separator: "&"))"
  }

  func exchange(_ auth: AuthFixture, _ code: String, _ more: [String: String] = [:]) async throws
    -> Testbed.Reply<TokenReply>
  {
    var fields = [
      "grant_type": "authorization_code", "code": code, "redirect_uri": Self.redirect, "code_verifier": verifier,
    ]
    fields.merge(more) { $1 }
    return try await auth.form(AuthAPI.token, fields, proof)
  }

  /// Signs in and consents.
  /// - Returns: the redirect back to the app.
  func letIn(_ browser: Browser, _ email: String, _ more: [String: String?] = [:]) async throws -> Browser.Answer {
    var page = try await browser.get(address(more))
    if page.text.contains("name=\"password\"") {
      page = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": email, "password": AuthFixture.password]))
    }
    if page.text.contains("value=\"allow\"") {
      page = try await browser.post("/oauth/consent", Browser.fields(of: page, ["decision": "allow"]))
    }
    return page
  }

  /// A code for `email`.
  func code(_ auth: AuthFixture, _ email: String, _ more: [String: String?] = [:]) async throws -> String {
    let back = try await letIn(Browser(auth), email, more)
    return try #require(back.parameter("code"), "\(back.status) \(back.text) \(back.location)")
  }
}
