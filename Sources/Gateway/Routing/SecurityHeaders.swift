/// Fields that keep browsers from doing more with an answer than was meant. Each is set where the service did not set it
/// itself; nil sets none.
public struct SecurityHeaders: Sendable, Hashable {
  /// `X-Content-Type-Options: nosniff`: what is said to be JSON is not run as a script.
  public var forbidsSniffing = true
  /// `Referrer-Policy`.
  public var referrerPolicy: String? = "strict-origin-when-cross-origin"
  /// `X-Frame-Options`, of pages: who may show them in a frame.
  public var frameOptions: String? = "SAMEORIGIN"
  /// `Content-Security-Policy`, of pages that have none.
  public var contentSecurityPolicy: String? = "frame-ancestors 'self'"
  /// `Strict-Transport-Security` (RFC 6797), only where the client came over TLS.
  public var strictTransportSecurity: String? = "max-age=31536000"

  /// What is standard.
  public init() {}

  /// Sets nothing.
  public static var none: Self {
    var none = Self()
    none.forbidsSniffing = false
    (none.referrerPolicy, none.frameOptions) = (nil, nil)
    (none.contentSecurityPolicy, none.strictTransportSecurity) = (nil, nil)
    return none
  }
}

/// Which of the fields an answer has already.
struct SecurityFields: OptionSet, Sendable {
  let rawValue: UInt8
  static let sniffing = Self(rawValue: 1)
  static let referrer = Self(rawValue: 2)
  static let frame = Self(rawValue: 4)
  static let content = Self(rawValue: 8)
  static let transport = Self(rawValue: 16)
}
