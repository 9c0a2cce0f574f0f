/// One operation of a service's HTTP interface, declared once.
///
/// The server binds a handler to it, OpenAPI lists it, the typed client calls it, and the gateway reads its
/// ``access``. Fields of `Request` that ``path`` names in braces travel in the path; of the others, those of a GET or
/// DELETE travel in the query, and those of the rest in the body.
public struct Endpoint<Request: Codable & Sendable, Response: Codable & Sendable>: EndpointDescription {
  public let name: String
  public let summary: String
  public let method: Method
  public let path: String
  public let access: Access
  public let success: Int
  public let otherSuccess: [Int]
  public let body: BodyFormat
  public let owned: Bool
  public let idempotency: Idempotency
  public let precondition: Precondition
  public let problems: [ProblemCode]
  public let produces: String
  public let errors: ErrorFormat

  /// - Parameters:
  ///   - name: Unique within the service; becomes OpenAPI's `operationId`.
  ///   - summary: One line for the reference page.
  ///   - path: `/api/v1/<plural>/…`, or the path that a standard gives. A field in braces fills one whole segment.
  ///   - success: The status of a reply that succeeded; 204 where `Response` is ``Empty`` unless it is given.
  ///   - otherSuccess: Statuses that a success may have besides, with the fields of `Response` that there are.
  ///   - owned: The resource belongs to somebody: the logic answers 404 to anybody else, and a test holds it to that.
  ///   - problems: The codes that this operation can answer apart from those that any can
  ///     (`unauthenticated`, `forbidden`, `invalid`, `malformed_json`, …).
  ///   - produces: The media type of a reply that is a ``Content``.
  ///   - errors: How an error is written, where a standard asks for another form than problem+json.
  public init(
    _ name: String, _ method: Method, _ path: String, access: Access, summary: String = "", success: Int? = nil,
    otherSuccess: [Int] = [],
    body: BodyFormat = .json, owned: Bool = false, idempotency: Idempotency = .none,
    precondition: Precondition = .none, problems: [ProblemCode] = [], produces: String = "application/json",
    errors: ErrorFormat = .problem
  ) {
    self.name = name
    self.summary = summary
    self.method = method
    self.path = path
    self.access = access
    self.success = success ?? (Response.self == Empty.self ? 204 : 200)
    self.otherSuccess = otherSuccess
    self.body = body
    self.owned = owned
    self.idempotency = idempotency
    self.precondition = precondition
    self.problems = problems
    self.produces = Response.self == EventStream.self ? EventStream.mediaType : produces
    self.errors = errors
  }
}

/// An endpoint with its types forgotten: what OpenAPI, the gateway and `gravity routes` read.
public protocol EndpointDescription: Sendable {
  associatedtype Request: Codable & Sendable
  associatedtype Response: Codable & Sendable
  var name: String { get }
  var summary: String { get }
  var method: Method { get }
  var path: String { get }
  var access: Access { get }
  var success: Int { get }
  var otherSuccess: [Int] { get }
  var body: BodyFormat { get }
  var owned: Bool { get }
  var idempotency: Idempotency { get }
  var precondition: Precondition { get }
  var problems: [ProblemCode] { get }
  /// The media type of a reply that has a body.
  var produces: String { get }
  var errors: ErrorFormat { get }
}

extension EndpointDescription {
  public var requestType: Request.Type { Request.self }
  public var responseType: Response.Type { Response.self }

  /// Names in braces, in order: `/users/{id}` has `id`.
  public var pathFields: [String] {
    path.split(separator: "/").filter { $0.hasPrefix("{") && $0.hasSuffix("}") }.map {
      String($0.dropFirst().dropLast())
    }
  }

  /// Whether the fields that are not in the path travel in a body.
  public var hasBody: Bool { method != .get && method != .delete && Request.self != Empty.self && !body.isContent }
}

/// The methods that interfaces of the platform use.
public enum Method: String, Sendable, Codable, CaseIterable {
  case get = "GET"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"

  /// Whether doing it twice is as good as once (RFC 9110 §9.2.2).
  public var isIdempotent: Bool { self != .post && self != .patch }
}

/// Who may call. There is no default: an endpoint says it.
public enum Access: Sendable, Hashable {
  /// Anybody, without a token.
  case `public`
  /// Whoever bears a valid token.
  case authenticated
  /// Whoever bears a valid token that carries the permission.
  case permission(Permission)
  /// Another service of the platform, never a client: the gateway does not route it.
  case service
}

/// How a request's body is written.
public enum BodyFormat: Sendable, Hashable {
  /// `application/json`.
  case json
  /// `application/x-www-form-urlencoded`, where a standard asks for it (RFC 6749, RFC 7009).
  case form
  /// As it is, of one of those media types and at most so many bytes: files. The fields travel in the query.
  case content(types: [String], limit: Int)

  public var isContent: Bool { if case .content = self { true } else { false } }
}

/// How an endpoint's errors are written.
public enum ErrorFormat: Sendable, Hashable {
  /// RFC 9457, like nearly everything.
  case problem
  /// A JSON object of `error` and `error_description` (RFC 6749 §5.2), which OAuth clients read and nothing else: a
  /// problem's code, its title and detail. What is 422 elsewhere is 400 `invalid_request` there.
  case oauth
}

/// Whether an endpoint takes an `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header).
public enum Idempotency: Sendable, Hashable { case none, accepted, required }

/// Whether an endpoint takes `If-Match` with the resource's ETag (RFC 9110 §13.1.1): missing where required is 428,
/// one that no longer matches 412.
public enum Precondition: Sendable, Hashable { case none, accepted, required }

/// No request fields, or no response body (204).
public struct Empty: Codable, Sendable, Hashable { public init() {} }
