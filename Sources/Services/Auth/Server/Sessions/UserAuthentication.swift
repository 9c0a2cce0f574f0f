import Foundation

/// How and when somebody proved who they are.
struct UserAuthentication: Sendable, Hashable {
  static let password = "pwd"

  /// RFC 8176: `pwd`, `otp`.
  var methods: [String]
  var at: Date

  /// NIST SP 800-63B §4: two factors are `aal2`.
  var assurance: String { Self.assurance(of: methods) }

  static func assurance(of methods: [String]) -> String { methods.count > 1 ? "aal2" : "aal1" }

  // As tables keep them.
  static func text(_ methods: [String]) -> String { methods.joined(separator: " ") }
  static func methods(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
