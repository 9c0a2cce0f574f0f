public import Foundation

/// The settings of the user service. Times are in seconds.
public struct UserConfiguration: Sendable, Hashable {
  /// For how long a deletion can be taken back; at most 365 days.
  public var deletionGrace: TimeInterval = 30 * 86_400
  /// The services that hold personal data, besides this one: an erasure waits for the receipt of each.
  public var erasureServices: [String] = []
  /// After how long the services that have not answered, or could not do all of it, are asked again. Seconds; at most a
  /// week.
  public var erasureRetry: TimeInterval = 3600
  /// After how long an erasure that is not done is overdue. Seconds; at most the month that GDPR 12(3) gives.
  public var erasureDeadline: TimeInterval = 86_400
  /// For how long an export's archive can be downloaded. Seconds; an hour to 30 days.
  public var exportLifetime: TimeInterval = 7 * 86_400
  /// After how long an export fails that a service keeps waiting. Seconds; at most a week.
  public var exportDeadline: TimeInterval = 86_400
  /// Seconds since the sign-in, or the step-up, after which it takes another one before everything that is known of
  /// somebody is given away or goes; as auth has it, 60 to 3600.
  public var stepUpMaximumAge: TimeInterval = 600
  /// Bytes of an archive at most, and of one file in it before it is compressed.
  public var exportGreatestSize: Int64 = 256 << 20
  public var exportGreatestFile: Int64 = 1 << 30
  /// What a profile has that did not choose.
  public var defaultLocale = "en"
  public var defaultTimezone = "UTC"

  public init() {}

  /// - Throws: ``UserConfigurationError`` that names the setting and its bounds.
  public func validate() throws(UserConfigurationError) {
    guard (0...365 * 86_400).contains(deletionGrace) else {
      throw UserConfigurationError(description: "deletion grace: must be 0 to 31536000 seconds")
    }
    guard Set(erasureServices).count == erasureServices.count, erasureServices.count <= 50,
      erasureServices.allSatisfy({
        $0 != "user" && (1...50).contains($0.utf8.count)
          && $0.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") }
      })
    else {
      throw UserConfigurationError(
        description: "erasure services: must be names of other services such as order, each once, at most 50")
    }
    guard (0.01...7 * 86_400).contains(erasureRetry) else {
      throw UserConfigurationError(description: "erasure retry: must be up to 604800 seconds")
    }
    guard (0...30 * 86_400).contains(erasureDeadline) else {
      throw UserConfigurationError(description: "erasure deadline: must be 0 to 2592000 seconds")
    }
    guard (3600...30 * 86_400).contains(exportLifetime) else {
      throw UserConfigurationError(description: "export lifetime: must be 3600 to 2592000 seconds")
    }
    guard (60...7 * 86_400).contains(exportDeadline) else {
      throw UserConfigurationError(description: "export deadline: must be 60 to 604800 seconds")
    }
    guard (60...3600).contains(stepUpMaximumAge) else {
      throw UserConfigurationError(description: "step-up maximum age: must be 60 to 3600 seconds")
    }
    // ZIP counts both in 32 bits.
    guard (1...1 << 30).contains(exportGreatestSize), (1...1 << 30).contains(exportGreatestFile) else {
      throw UserConfigurationError(description: "export sizes: must be 1 to 1073741824 bytes")
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
