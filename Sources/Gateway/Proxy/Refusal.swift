import NIOCore

/// An answer of the gateway itself that says no: RFC 9457 problem details.
struct Refusal {
  var status: Int
  var code: String
  var detail: String
  /// Header lines besides, each with its CR LF.
  var headers = ""
  /// Members of the problem besides, each with a leading comma.
  var members = ""
  /// Whether what follows on the connection can no longer be read.
  var closes = false

  init(_ status: Int, _ code: String, _ detail: String, headers: String = "", members: String = "") {
    self.status = status
    self.code = code
    self.detail = detail
    self.headers = headers
    self.members = members
  }

  init(_ fault: HeadFault) {
    self.init(fault.status, fault.code, fault.detail)
    closes = true
  }

  /// Writes the whole response.
  ///
  /// - Parameter addition: Writes further lines, each with its CR LF.
  func write(
    requestID: [UInt8], connection: String, omitsBody: Bool, into output: inout ByteBuffer,
    addition: (inout ByteBuffer) -> Void = { _ in }
  ) {
    var body = ByteBufferAllocator().buffer(capacity: 256)
    let title = Self.title(status)
    body.writeString(#"{"type":"about:blank","title":"\#(title)","status":\#(status),"code":"\#(code)""#)
    body.writeString(#","detail":""#)
    body.writeString(JSONText.escaped(detail))
    body.writeString(#"","request_id":""#)
    body.writeBytes(requestID)
    body.writeString("\"\(members)}")
    output.writeString("HTTP/1.1 \(status) \(title)\r\ncontent-type: application/problem+json\r\n")
    output.writeString("content-length: \(body.readableBytes)\r\ncache-control: no-store\r\nx-request-id: ")
    output.writeBytes(requestID)
    output.writeStaticString("\r\n")
    addition(&output)
    output.writeString("\(headers)\(connection)\r\n")
    if !omitsBody { output.writeBuffer(&body) }
  }

  static func title(_ status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 417: "Expectation Failed"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Error"
    }
  }
}

extension Refusal {
  static let notFound = Refusal(404, "not_found", "No route has this path.")
  /// Closes, as whatever else is no path for everybody does.
  static let pathParameters: Refusal = {
    var refusal = Refusal(
      400, HeadFault.pathNotNormal.code, "The path has parameters (;), which are not taken here.")
    refusal.closes = true
    return refusal
  }()
  static let clientTimeout: Refusal = {
    var refusal = Refusal(408, "request_timeout", "The request did not come in time.")
    refusal.closes = true
    return refusal
  }()
  static let malformedBody: Refusal = {
    var refusal = Refusal(400, "malformed_request", "The body's chunks are malformed.")
    refusal.closes = true
    return refusal
  }()

  static func methodNotAllowed(_ allow: String) -> Refusal {
    Refusal(405, "method_not_allowed", "The path takes \(allow).", headers: "allow: \(allow)\r\n")
  }

  static func originNotAllowed(_ method: String) -> Refusal {
    Refusal(
      403, "origin_not_allowed", "Pages of this origin may not send \(method) here.")
  }

  static func bodyTooLarge(_ limit: Int) -> Refusal {
    var refusal = Refusal(
      413, "body_too_large", "The body may have \(limit) bytes.", members: ",\"limit\":\(limit)")
    refusal.closes = true
    return refusal
  }

  /// RFC 6750 §3: a request without a token is told no error.
  static let unauthenticated = Refusal(
    401, "unauthenticated", "A bearer token is needed.", headers: "www-authenticate: Bearer realm=\"gravity\"\r\n")

  static func token(_ code: String, _ detail: String) -> Refusal {
    Refusal(
      401, code, detail,
      headers: "www-authenticate: Bearer realm=\"gravity\", error=\"invalid_token\", "
        + "error_description=\"\(detail)\"\r\n")
  }

  static let key = token("invalid_api_key", "There is no such API key, or it has ended.")

  static let revoked = token("token_revoked", "The token was revoked.")

  static let identityUnavailable = Refusal(
    503, "identity_unavailable", "Whether the token is valid cannot be said now.", headers: "retry-after: 1\r\n",
    members: ",\"retry_after\":1")

  static let blacklistUnavailable = Refusal(
    503, "blacklist_unavailable",
    "Whether the token was revoked cannot be said now: neither the feed of revocations nor their store answers.",
    headers: "retry-after: 1\r\n", members: ",\"retry_after\":1")

  static func forbidden(_ permission: String?) -> Refusal {
    let scope = permission.map { ", scope=\"\($0)\"" } ?? ""
    return Refusal(
      403, "forbidden", "The token does not carry the permission that is needed.",
      headers: "www-authenticate: Bearer realm=\"gravity\", error=\"insufficient_scope\"\(scope)\r\n",
      members: permission.map { ",\"permission\":\"\(JSONText.escaped($0))\"" } ?? "")
  }

  /// 429 with the fields of draft-ietf-httpapi-ratelimit-headers.
  ///
  /// - Parameter gateways: How many share the limit. While the store of limits is away each admits its share, and says
  ///   so: a caller would wonder at a limit that it has not reached.
  static func rateLimited(_ policy: LimitPolicy, _ decision: RateLimiter.Decision, gateways: Int = 1) -> Refusal {
    let limit = policy.limit
    let (wait, reset) = (LimitFields.seconds(decision.retryAfter), LimitFields.seconds(decision.reset))
    let share = decision.isShare ? max(1, limit.requests / max(1, gateways)) : nil
    let reason = share.map {
      " The limit cannot be shared between gateways now, so this one admits \($0) of \(limit.requests)."
    }
    return Refusal(
      429, "rate_limited", "Too many requests; ask again in \(wait) s.\(reason ?? "")",
      headers: "retry-after: \(wait)\r\n"
        + String(decoding: policy.fieldLines, as: UTF8.self) + "\(decision.remaining);t=\(wait)\r\n",
      members: ",\"policy\":\"\(JSONText.escaped(limit.name))\",\"limit\":\(limit.requests),"
        + "\"remaining\":\(decision.remaining),\"reset\":\(reset),\"retry_after\":\(wait)"
        + (share.map { ",\"share\":\($0)" } ?? ""))
  }

  static func noInstance(_ service: String) -> Refusal {
    Refusal(
      503, "no_instance", "No instance of \(service) is known.", headers: "retry-after: 1\r\n",
      members: ",\"retry_after\":1")
  }

  /// - Parameter isProbed: Whether an instance is asked a little now, to see whether it is back.
  static func breakerOpen(_ service: String, _ nanoseconds: Int64, isProbed: Bool) -> Refusal {
    let wait = max(1, (nanoseconds + 999_999_999) / 1_000_000_000)
    return Refusal(
      503, "circuit_open", "Every instance of \(service) failed lately, at all or for this route, and is left alone.",
      headers: "retry-after: \(wait)\r\n",
      members: ",\"breaker\":\"\(isProbed ? "half_open" : "open")\",\"retry_after\":\(wait)")
  }

  static func overloaded(_ service: String) -> Refusal {
    Refusal(
      503, "overloaded",
      "\(service) answers too slowly for as many requests as there are; this one was not sent to it.",
      headers: "retry-after: 1\r\n", members: ",\"retry_after\":1")
  }

  static func saturated(_ service: String) -> Refusal {
    Refusal(
      503, "upstream_saturated", "Too many connections to \(service).", headers: "retry-after: 1\r\n",
      members: ",\"retry_after\":1")
  }

  static func badGateway(_ detail: String) -> Refusal { Refusal(502, "bad_gateway", detail) }
  static func gatewayTimeout(_ detail: String) -> Refusal { Refusal(504, "upstream_timeout", detail) }
}

/// Text inside a JSON string (RFC 8259 §7).
enum JSONText {
  static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
