import Foundation

/// How and when somebody proved who they are.
struct UserAuthentication: Sendable, Hashable {
  static let password = "pwd"
  static let oneTimePassword = "otp"
  static let multipleFactors = "mfa"

  /// RFC 8176: `pwd`, `otp`, `mfa`.
  var methods: [String]
  var at: Date

  /// NIST SP 800-63B §4: two factors are `aal2`.
  var assurance: String { Self.assurance(of: methods) }

  static let firstLevel = "aal1"
  static let secondLevel = "aal2"

  static func assurance(of methods: [String]) -> String {
    methods.contains(multipleFactors) ? secondLevel : firstLevel
  }

  // As tables keep them.
  static func text(_ methods: [String]) -> String { methods.joined(separator: " ") }
  static func methods(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
