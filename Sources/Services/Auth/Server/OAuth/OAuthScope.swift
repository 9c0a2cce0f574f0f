import AuthAPI
import Foundation
import GravityContracts

/// Scopes as they travel: separated by single spaces (RFC 6749 §3.3).
enum OAuthScope {
  private static let greatestSize = 4096

  static func text(_ scopes: [String]) -> String { scopes.joined(separator: " ") }

  /// - Returns: what was asked for, each once; everything in `allowed` where nothing was.
  /// - Throws: `Problem` 400 `invalid_scope`.
  static func granted(_ asked: String?, of allowed: [String]) throws -> [String] {
    guard let asked, !asked.isEmpty else {
      guard !allowed.isEmpty else { throw refusal("There is no scope that could be granted") }
      return allowed
    }
    guard asked.utf8.count <= greatestSize else { throw refusal("The scope is longer than \(greatestSize) bytes") }
    var scopes: [String] = []
    for scope in asked.split(separator: " ").map(String.init) where !scopes.contains(scope) {
      guard allowed.contains(scope) else { throw refusal("The client may not ask for \(scope.prefix(64))") }
      scopes.append(scope)
    }
    guard !scopes.isEmpty else { throw refusal("The scope names none") }
    return scopes
  }

  private static func refusal(_ title: String) -> Problem { Problem(400, "invalid_scope", title) }
}
