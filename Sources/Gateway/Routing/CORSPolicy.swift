/// Which pages of other origins may read a route's answers (the Fetch standard's CORS protocol).
///
/// The gateway answers preflights itself, without a token and without the service, and sets the fields of the answers;
/// what the service says of `Access-Control-*` does not pass. A route whose requests are chosen by a header field's
/// value has to have the policy of the route without that condition: a preflight names fields and not their values.
public struct CORSPolicy: Sendable, Hashable {
  /// Fields that requests of this platform have; what is safelisted besides need not be named.
  public static let standardHeaders = [
    "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer", "traceparent",
    "x-request-id", "x-request-timeout-ms",
  ]
  /// What answers of this platform say beyond what every page may read.
  public static let standardExposedHeaders = [
    "etag", "idempotency-replayed", "location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id",
  ]

  /// Whose pages may read answers: 1 to 256 origins or patterns of them, or `*`.
  public let origins: [String]
  /// That a preflight may ask for; nil is whatever routes at that path take.
  public let methods: [String]?
  /// Fields that a preflight may ask for; `*` is any.
  public let headers: [String]
  /// Fields of answers that pages may read beyond what every page may.
  public let exposedHeaders: [String]
  /// Whether pages may send cookies.
  public let allowsCredentials: Bool
  /// For which a browser remembers a preflight: 0 to 86 400 s.
  public let maximumAge: Duration

  /// - Parameters:
  ///   - origins: `https://app.example.org`, with a port where it is not the scheme's; `https://*.example.org` for every
  ///     name below it and not itself; `*` for all. At most 256.
  ///   - methods: That a preflight may ask for; nil is whatever routes at that path take.
  ///   - headers: That a preflight may ask for; `*` lets through what it asks for.
  ///   - allowsCredentials: Whether pages may send cookies. Tokens in `Authorization` do not need it.
  ///   - maximumAge: For which a browser remembers a preflight, at most a day; browsers have bounds of their own.
  /// - Throws: ``RouteError`` for an origin, method or field that is none, and for credentials with `*`: any page could
  ///   then read what its visitor may.
  public init(
    origins: [String], methods: [String]? = nil, headers: [String] = standardHeaders,
    exposedHeaders: [String] = standardExposedHeaders, allowsCredentials: Bool = false,
    maximumAge: Duration = .seconds(600)
  ) throws(RouteError) {
    guard (1...256).contains(origins.count) else {
      throw RouteError(description: "CORS: a policy names 1 to 256 origins, not \(origins.count)")
    }
    for origin in origins where origin != "*" && OriginPattern(origin) == nil {
      throw RouteError(
        description: "CORS: \"\(origin)\" is no origin; write https://host, https://host:port or https://*.host")
    }
    guard !allowsCredentials || !origins.contains("*") else {
      throw RouteError(description: "CORS: credentials are not for every origin; name those that may send them")
    }
    for method in methods ?? [] where !RequestMethod.allCases.contains(where: { $0.name == method }) {
      throw RouteError(description: "CORS: unknown method \"\(method)\"")
    }
    for name in headers + exposedHeaders { _ = try FieldName.checked(name, "CORS") }
    guard maximumAge >= .zero, maximumAge <= .seconds(86_400) else {
      throw RouteError(description: "CORS: a preflight is remembered for 0 to 86400 seconds")
    }
    self.origins = origins
    self.methods = methods
    self.headers = headers
    self.exposedHeaders = exposedHeaders
    self.allowsCredentials = allowsCredentials
    self.maximumAge = maximumAge
  }
}

/// One origin (RFC 6454 §6.2), or all below a name.
struct OriginPattern: Sendable, Hashable {
  /// `https://`
  private let scheme: [UInt8]
  /// The host and port, or with ``matchesBelow`` what comes after the names below, its dot first.
  private let rest: [UInt8]
  private let matchesBelow: Bool

  init?(_ text: String) {
    let lower = Array(text.lowercased().utf8)
    guard let end = lower.firstIndex(of: Octet.colon), end > 0,
      lower[end...].starts(with: "://".utf8), lower[..<end].allSatisfy({ Octet.isLetter($0) || Octet.isDigit($0) })
    else { return nil }
    scheme = Array(lower[..<(end + 3)])
    var host = Array(lower[(end + 3)...])
    matchesBelow = host.starts(with: "*.".utf8)
    if matchesBelow { host.removeFirst() }
    rest = host
    let named = matchesBelow ? Array(host.dropFirst()) : host
    guard named.withUnsafeBytes({ Authority.isWellFormed($0) }), !named.contains(Octet.underscore) else { return nil }
  }

  func matches(_ origin: UnsafeRawBufferPointer) -> Bool {
    guard origin.starts(with: scheme) else { return false }
    let host = origin[ByteRange(scheme.count, origin.count)]
    guard matchesBelow else { return host.elementsEqual(rest) }
    guard host.count > rest.count, host[ByteRange(host.count - rest.count, host.count)].elementsEqual(rest) else {
      return false
    }
    let below = host[ByteRange(0, host.count - rest.count)]
    return below[0] != Octet.dot && below[below.count - 1] != Octet.dot
      && below.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || Octet.isDigit($0) || $0 == Octet.dash || $0 == Octet.dot }
  }
}
