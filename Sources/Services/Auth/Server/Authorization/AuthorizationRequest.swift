import AuthAPI
import Foundation
import GravityContracts

/// Why a client gets no code; it is told, by way of the browser (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
struct AuthorizationError: Error, Hashable {
  var code: String
  var description: String

  init(_ code: String, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// What a client asks for, checked.
struct AuthorizationRequest: Sendable {
  let client: ClientRow
  let redirect: RedirectURI
  let scopes: [String]
  let state: String?
  let nonce: String?
  /// SHA-256 of the verifier, base64url (RFC 7636 §4.2).
  let challenge: String
  let prompt: Set<String>
  /// Seconds since the sign-in.
  let maximumAge: Int?
  /// Whether two factors are needed: `aal2` is among the `acr_values`, and `aal1` is not.
  let needsSecondFactor: Bool

  private static let greatestState = 1024
  private static let greatestNonce = 255
  private static let prompts: Set<String> = ["none", "login", "consent", "select_account"]

  /// - Parameter redirect: One of the client's own, already known as such: errors may go there.
  init(_ query: AuthorizationQuery, _ client: ClientRow, _ redirect: RedirectURI) throws(AuthorizationError) {
    self.client = client
    self.redirect = redirect
    guard query.request == nil else {
      throw AuthorizationError("request_not_supported", "request objects are not taken here")
    }
    guard query.requestURI == nil else {
      throw AuthorizationError("request_uri_not_supported", "request_uri is not taken here")
    }
    guard query.responseType == "code" else {
      throw AuthorizationError(
        query.responseType == nil ? "invalid_request" : "unsupported_response_type", "response_type must be code")
    }
    guard query.responseMode ?? "query" == "query" else {
      throw AuthorizationError("invalid_request", "response_mode must be query")
    }
    guard client.grants.contains(.authorizationCode) else {
      throw AuthorizationError("unauthorized_client", "the client may not use authorization_code")
    }
    guard (query.state?.utf8.count ?? 0) <= Self.greatestState, (query.nonce?.utf8.count ?? 0) <= Self.greatestNonce
    else {
      throw AuthorizationError(
        "invalid_request", "state has at most \(Self.greatestState) bytes, nonce \(Self.greatestNonce)")
    }
    (state, nonce) = (query.state, query.nonce)
    guard query.codeChallengeMethod == "S256", let challenge = query.codeChallenge, PKCE.isChallenge(challenge) else {
      throw AuthorizationError(
        "invalid_request", "PKCE is needed: code_challenge_method=S256 and a code_challenge (RFC 7636)")
    }
    self.challenge = challenge
    do { scopes = try OAuthScope.granted(query.scope, of: client.scopes) } catch {
      throw AuthorizationError("invalid_scope", (error as? Problem)?.title ?? "the scope cannot be granted")
    }
    prompt = Set((query.prompt ?? "").split(separator: " ").map(String.init))
    guard prompt.isSubset(of: Self.prompts), !prompt.contains("none") || prompt.count == 1 else {
      throw AuthorizationError("invalid_request", "prompt is none alone, or some of login, consent, select_account")
    }
    let age = query.maxAge.map { Int($0) }
    guard age == nil || age.flatMap({ $0 }).map({ $0 >= 0 }) == true else {
      throw AuthorizationError("invalid_request", "max_age is a number of seconds")
    }
    maximumAge = age.flatMap { $0 }
    needsSecondFactor = UserAuthentication.needsSecondFactor(query.acrValues)
  }

  /// Where the browser goes with `parameters`, the client's state and who answers (RFC 9207 §2).
  func reply(_ parameters: [(name: String, value: String)], issuer: String) -> String {
    Self.reply(redirect, parameters, state: state, issuer: issuer)
  }

  static func reply(
    _ redirect: RedirectURI, _ parameters: [(name: String, value: String)], state: String?, issuer: String
  ) -> String {
    let state = state.flatMap { $0.utf8.count <= greatestState ? [("state", $0)] : nil } ?? []
    return redirect.adding(parameters + state + [("iss", issuer)])
  }
}

extension AuthorizationQuery {
  /// As it goes through a form of ours, where it is checked anew. The same each time: the form's token is over it.
  var carried: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // Strings can always be written.
    return ((try? encoder.encode(self)) ?? Data()).base64URLEncodedString()
  }

  /// nil when it is not what ``carried`` makes.
  init?(carried text: String?) {
    guard let text, text.utf8.count <= 16_384, let data = Data(base64URLEncoded: text),
      let query = try? WireFormat.makeDecoder().decode(Self.self, from: data)
    else { return nil }
    self = query
  }

  /// The same after a sign-in: what asked for that is met.
  var signedIn: AuthorizationQuery {
    var query = self
    let prompts = (prompt ?? "").split(separator: " ").filter { $0 != "login" && $0 != "select_account" }
    query.prompt = prompts.isEmpty ? nil : prompts.joined(separator: " ")
    query.maxAge = nil
    return query
  }
}
