/// What a device without a browser asks for (RFC 8628 §3.1), with what its client proves itself by.
public struct DeviceRequest: Codable, Sendable {
  public var scope: String?
  /// `aal1`, `aal2`, separated by spaces: how well whoever lets the device in has to have authenticated; two factors
  /// are needed where `aal2` stands alone.
  public var acrValues: String?
  /// Seconds since their sign-in.
  public var maxAge: String?
  public var clientID: String?
  public var clientSecret: String?
  public var clientAssertionType: String?
  public var clientAssertion: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case scope
    case acrValues = "acr_values"
    case maxAge = "max_age"
    case clientID = "client_id"
    case clientSecret = "client_secret"
    case clientAssertionType = "client_assertion_type"
    case clientAssertion = "client_assertion"
  }
}

/// RFC 8628 §3.2: one code for the device, one for the person.
public struct DeviceAuthorization: Codable, Sendable, Hashable {
  public var deviceCode: String
  /// Eight consonants as `BCDF-GHJK`; neither case nor dash matter when it is typed.
  public var userCode: String
  public var verificationURI: String
  /// The same with the code in it, for a QR code.
  public var verificationURIComplete: String
  /// Seconds.
  public var expiresIn: Int
  /// Seconds to wait between two questions at the token endpoint.
  public var interval: Int

  public init(
    deviceCode: String, userCode: String, verificationURI: String, verificationURIComplete: String, expiresIn: Int,
    interval: Int
  ) {
    self.deviceCode = deviceCode
    self.userCode = userCode
    self.verificationURI = verificationURI
    self.verificationURIComplete = verificationURIComplete
    self.expiresIn = expiresIn
    self.interval = interval
  }

  enum CodingKeys: String, CodingKey {
    case interval
    case deviceCode = "device_code"
    case userCode = "user_code"
    case verificationURI = "verification_uri"
    case verificationURIComplete = "verification_uri_complete"
    case expiresIn = "expires_in"
  }
}

/// What somebody comes to the device page with.
public struct DeviceQuery: Codable, Sendable {
  public var userCode: String?
  public init(userCode: String? = nil) { self.userCode = userCode }
  enum CodingKeys: String, CodingKey { case userCode = "user_code" }
}

/// The form that a code is typed in.
public struct DeviceCodeForm: Codable, Sendable {
  public var userCode: String?
  /// Proves that the page is ours.
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case userCode = "user_code"
    case formToken = "form_token"
  }
}

/// The form by which a device is let in, or not.
public struct DeviceDecisionForm: Codable, Sendable {
  public var userCode: String?
  public var formToken: String?
  /// `allow`; anything else is a no.
  public var decision: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case decision
    case userCode = "user_code"
    case formToken = "form_token"
  }
}
