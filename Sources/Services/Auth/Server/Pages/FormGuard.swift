import Foundation
import GravityContracts
import GravityHTTP
import GravityIdentity

/// Sees to it that a form came from a page of ours, shown to this browser (CSRF, also of the sign-in itself): the page
/// carries an HMAC of a cookie that the browser holds, of what the form is for, and of the request that it goes on with.
struct FormGuard: Sendable {
  let masterKey: MasterKey
  /// `__Host-` ties a cookie to this very host, over TLS (RFC 6265bis §4.1.3.2).
  let isSecure: Bool

  private static let size = 32

  init(masterKey: MasterKey, issuer: String) {
    self.masterKey = masterKey
    isSecure = issuer.lowercased().hasPrefix("https:")
  }

  var sessionCookie: String { (isSecure ? "__Host-" : "") + "gravity_session" }
  var formCookie: String { (isSecure ? "__Host-" : "") + "gravity_form" }

  /// Ends with the browser; not for scripts; not sent along by forms of other sites.
  func setting(_ name: String, to value: String) -> String {
    "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
  }

  /// The browser's secret: what it has, or a new one to be set.
  func secret(_ scope: RequestScope, randomBytes: (Int) -> [UInt8]) -> (secret: String, isNew: Bool) {
    if let known = known(scope) { return (known, false) }
    return (Data(randomBytes(Self.size)).base64URLEncodedString(), true)
  }

  /// What the browser has.
  func known(_ scope: RequestScope) -> String? {
    scope.cookie(formCookie).flatMap { Data(base64URLEncoded: $0)?.count == Self.size ? $0 : nil }
  }

  func token(_ secret: String, for purpose: String, _ request: String) -> String {
    Data(masterKey.authenticationCode("form-token/1", Data("\(secret)\n\(purpose)\n\(request)".utf8)))
      .base64URLEncodedString()
  }

  /// - Throws: `Problem` 403 when the form is not of a page of ours.
  func check(_ token: String?, for purpose: String, _ request: String?, _ scope: RequestScope) throws {
    // What browsers say themselves of where a request comes from (Fetch Metadata).
    let site = scope.header("Sec-Fetch-Site") ?? "same-origin"
    guard site == "same-origin", let secret = known(scope), let token,
      ConstantTime.areEqual(token.utf8, self.token(secret, for: purpose, request ?? "").utf8)
    else {
      throw Problem(
        403, "form_expired", "The form did not come from a page of this server, or cookies are turned off",
        detail: "Go back to the application and begin again.")
    }
  }
}

extension RequestScope {
  /// The first cookie of that name (RFC 6265 §4.2).
  func cookie(_ name: String) -> String? {
    guard let header = header("Cookie") else { return nil }
    for pair in header.split(separator: ";") {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if sides.count == 2, sides[0].trimmingCharacters(in: .whitespaces) == name {
        return sides[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }
}
