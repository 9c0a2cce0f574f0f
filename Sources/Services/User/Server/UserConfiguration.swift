public import Foundation

/// The settings of the user service. Times are in seconds.
public struct UserConfiguration: Sendable, Hashable {
  /// For how long a deletion can be taken back; at most 365 days.
  public var deletionGrace: TimeInterval = 30 * 86_400
  /// What a profile has that did not choose.
  public var defaultLocale = "en"
  public var defaultTimezone = "UTC"

  public init() {}

  /// - Throws: ``UserConfigurationError`` that names the setting and its bounds.
  public func validate() throws(UserConfigurationError) {
    guard (0...365 * 86_400).contains(deletionGrace) else {
      throw UserConfigurationError(description: "deletion grace: must be 0 to 31536000 seconds")
    }
    guard LanguageTag(defaultLocale) != nil else {
      throw UserConfigurationError(description: "default locale: must be a BCP 47 language tag such as pt-BR")
    }
    guard TimeZoneName(defaultTimezone) != nil else {
      throw UserConfigurationError(description: "default time zone: must be an IANA name such as Europe/Berlin")
    }
  }
}

/// A setting that cannot be used. For the operator.
public struct UserConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}
