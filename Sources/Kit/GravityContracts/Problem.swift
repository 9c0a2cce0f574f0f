/// RFC 9457 problem details, the one error that crosses the wire.
public struct Problem: Error, Codable, Sendable, Hashable {
  /// `about:blank` (RFC 9457 §4.2.1): ``code`` is what programs compare.
  public var type: String
  public var title: String
  /// The HTTP status.
  public var status: Int
  /// A stable name that programs may compare.
  public var code: ProblemCode
  /// What to do instead, for a person.
  public var detail: String?
  /// One entry for each field that is not valid (422).
  public var errors: [FieldError]?
  /// The id under which the server logged the request.
  public var requestID: String?
  /// Seconds until it makes sense to ask again; sent as `Retry-After` too.
  public var retryAfter: Int?
  /// Members of this problem's own (RFC 9457 §3.2), beside the others on the wire: what `code` means by itself, such
  /// as `decline_code`, `allowed`, `shortages`. Names are snake_case and none of the members above.
  public var extensions: [String: JSONValue] = [:]

  public init(
    _ status: Int, _ code: ProblemCode, _ title: String, detail: String? = nil, errors: [FieldError]? = nil,
    retryAfter: Int? = nil, extensions: [String: JSONValue] = [:]
  ) {
    self.type = "about:blank"
    self.title = title
    self.status = status
    self.code = code
    self.detail = detail
    self.errors = errors
    self.retryAfter = retryAfter
    self.extensions = extensions
  }

  public struct FieldError: Codable, Sendable, Hashable {
    /// The path of the field: `shipping_address.country`, `lines.0.sku`.
    public var field: String
    /// `required`, `type`, `format`, `too_long`, …
    public var code: String
    public var message: String
    public init(field: String, code: String, message: String) {
      self.field = field
      self.code = code
      self.message = message
    }
  }

  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    type = try members.decode(String.self, forKey: .type)
    title = try members.decode(String.self, forKey: .title)
    status = try members.decode(Int.self, forKey: .status)
    code = try members.decode(ProblemCode.self, forKey: .code)
    detail = try members.decodeIfPresent(String.self, forKey: .detail)
    errors = try members.decodeIfPresent([FieldError].self, forKey: .errors)
    requestID = try members.decodeIfPresent(String.self, forKey: .requestID)
    retryAfter = try members.decodeIfPresent(Int.self, forKey: .retryAfter)
    let own = try decoder.container(keyedBy: ExtensionName.self)
    for name in own.allKeys where CodingKeys(stringValue: name.stringValue) == nil {
      extensions[name.stringValue] = try own.decode(JSONValue.self, forKey: name)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(type, forKey: .type)
    try members.encode(title, forKey: .title)
    try members.encode(status, forKey: .status)
    try members.encode(code, forKey: .code)
    try members.encodeIfPresent(detail, forKey: .detail)
    try members.encodeIfPresent(errors, forKey: .errors)
    try members.encodeIfPresent(requestID, forKey: .requestID)
    try members.encodeIfPresent(retryAfter, forKey: .retryAfter)
    var own = encoder.container(keyedBy: ExtensionName.self)
    for (name, value) in extensions where CodingKeys(stringValue: name) == nil {
      try own.encode(value, forKey: ExtensionName(name))
    }
  }

  enum CodingKeys: String, CodingKey {
    case type, title, status, code, detail, errors
    case requestID = "request_id"
    case retryAfter = "retry_after"
  }

  private struct ExtensionName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

/// A stable name that programs may compare.
public struct ProblemCode: RawRepresentable, Codable, Sendable, Hashable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  public var rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }

  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(String.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

extension Problem: CustomStringConvertible {
  /// For logs: `409 insufficient_stock: Not enough of MUG (Ask for less.)`.
  public var description: String {
    let fields = (errors ?? []).map { "; \($0.field) \($0.message)" }.joined()
    return "\(status) \(code): \(title)\(detail.map { " (\($0))" } ?? "")\(fields)"
  }
}

extension Problem {
  /// 404. Somebody else's private resource is answered with this too.
  public static func notFound(_ what: String) -> Problem { Problem(404, "not_found", "No such \(what)") }

  /// 422, one field.
  public static func invalid(_ field: String, _ code: String, _ message: String) -> Problem {
    invalid([FieldError(field: field, code: code, message: message)])
  }

  /// 422, several fields.
  public static func invalid(_ errors: [FieldError]) -> Problem {
    Problem(422, "invalid", "Some fields are not valid", errors: errors)
  }
}
