public import GravityContracts

// MARK: - Devices without a browser

extension AuthAPI {
  static let deviceEndpoints: [any EndpointDescription] = [
    deviceAuthorization, devicePage, enterDeviceCode, decideOnDevice,
  ]

  public static let deviceAuthorization = Endpoint<DeviceRequest, DeviceAuthorization>(
    "deviceAuthorization", .post, "/oauth/device_authorization", access: .public,
    summary: "Codes by which somebody lets a device in, in a browser elsewhere (RFC 8628 §3.1)", body: .form,
    problems: ["invalid_request", "invalid_client", "unauthorized_client", "invalid_scope", "temporarily_unavailable"],
    errors: .oauth)

  public static let devicePage = Endpoint<DeviceQuery, Content>(
    "devicePage", .get, "/oauth/device", access: .public,
    summary: "The page where somebody enters a device's code (RFC 8628 §3.3)", produces: page)

  /// What that page sends.
  public static let enterDeviceCode = Endpoint<DeviceCodeForm, Content>(
    "enterDeviceCode", .post, "/oauth/device", access: .public,
    summary: "Which device a code is of, and what it may do if it is let in", body: .form,
    problems: ["form_expired", "invalid_user_code", "too_many_attempts"], produces: page)

  public static let decideOnDevice = Endpoint<DeviceDecisionForm, Content>(
    "decideOnDevice", .post, "/oauth/device/decision", access: .public, summary: "Let a device in, or not",
    body: .form, problems: ["form_expired", "invalid_user_code"], produces: page)
}
