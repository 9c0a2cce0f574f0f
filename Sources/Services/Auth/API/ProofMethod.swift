public import Foundation
public import GravityContracts

/// How somebody shows again who they are, at ``AuthAPI/stepUp``.
public enum ProofMethod: String, Codable, Sendable, CaseIterable {
  case password
  /// A code of the authenticator app.
  case totp
  /// One of those that stand in for it.
  case recoveryCode = "recovery_code"
  case passkey

  fileprivate var words: String {
    switch self {
    case .password: "the password"
    case .totp, .recoveryCode: "a code"
    case .passkey: "a passkey"
    }
  }
}

extension Problem {
  /// 401 `insufficient_user_authentication` (RFC 9470 §3): `max_age` and `acr_values` are members of the body and stand in
  /// `WWW-Authenticate`; `methods` is a member.
  /// - Parameters:
  ///   - age: Seconds that may have passed since the authentication.
  ///   - level: What `acr` has to be; nil where any will do.
  ///   - methods: By what the account can step up. Where there is none, its owner signs in again; nil where that cannot be
  ///     told now, and then it is not in the body.
  public static func insufficientAuthentication(
    maximumAge age: TimeInterval, level: String? = nil, methods: [ProofMethod]?
  ) -> Problem {
    var needed: [String: JSONValue] = ["max_age": .integer(Int64(age))]
    if let level { needed["acr_values"] = .string(level) }
    if let methods { needed["methods"] = .array(methods.map { .string($0.rawValue) }) }
    var proofs: [String] = []
    for method in methods ?? [.password, .totp] where !proofs.contains(method.words) { proofs.append(method.words) }
    return Problem(
      401, "insufficient_user_authentication", "That takes a more recent or stronger authentication",
      detail: proofs.isEmpty
        ? "Sign in again, then try again with the new token."
        : "Show \(proofs.joined(separator: " or ")) at \(AuthAPI.stepUp.path), then try again with its token.",
      extensions: needed)
  }
}
