import Foundation

/// How and when somebody proved who they are.
struct UserAuthentication: Sendable, Hashable {
  static let password = "pwd"
  /// By another provider; RFC 8176 has no value for that.
  static let federated = "fed"
  static let oneTimePassword = "otp"
  static let multipleFactors = "mfa"

  /// RFC 8176: `pwd`, `otp`, `mfa`; and `fed`.
  var methods: [String]
  /// ``unknownTime`` where nobody knows.
  var at: Date

  /// Of who signed in with a provider that does not say when they showed it who they are, which may be weeks ago: so long
  /// ago that it is no recent sign-in, whoever asks for one.
  static let unknownTime = Date(timeIntervalSince1970: 0)

  /// NIST SP 800-63B §4: two factors are `aal2`.
  var assurance: String { Self.assurance(of: methods) }

  static let firstLevel = "aal1"
  static let secondLevel = "aal2"

  static func assurance(of methods: [String]) -> String {
    methods.contains(multipleFactors) ? secondLevel : firstLevel
  }

  /// Whether two factors are needed where these `acr_values` are asked for: in order of preference (OpenID Connect Core
  /// §3.1.2.1); values that are not known say nothing.
  static func needsSecondFactor(_ values: String?) -> Bool {
    let levels = Set((values ?? "").split(separator: " ").map(String.init))
    return levels.contains(secondLevel) && !levels.contains(firstLevel)
  }

  // As tables keep them.
  static func text(_ methods: [String]) -> String { methods.joined(separator: " ") }
  static func methods(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
