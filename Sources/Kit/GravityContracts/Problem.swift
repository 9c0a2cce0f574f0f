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

  public init(
    _ status: Int, _ code: ProblemCode, _ title: String, detail: String? = nil, errors: [FieldError]? = nil,
    retryAfter: Int? = nil
  ) {
    self.type = "about:blank"
    self.title = title
    self.status = status
    self.code = code
    self.detail = detail
    self.errors = errors
    self.retryAfter = retryAfter
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

  enum CodingKeys: String, CodingKey {
    case type, title, status, code, detail, errors
    case requestID = "request_id"
    case retryAfter = "retry_after"
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
