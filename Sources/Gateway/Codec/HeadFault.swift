/// Why a head cannot be taken. Each is answered with a problem and a closed connection, because what follows on the
/// connection can no longer be told apart.
enum HeadFault: Error, Sendable, Hashable, CaseIterable {
  case bareLineFeed
  case malformedRequestLine
  case malformedStatusLine
  case malformedHeader
  case foldedHeader
  case unsupportedVersion
  case unknownMethod
  case malformedTarget
  case pathNotNormal
  case authorityMismatch
  case missingHost
  case duplicateHost
  case malformedHost
  case malformedContentLength
  case duplicateContentLength
  case unsupportedTransferEncoding
  case twoFramings
  case duplicateAuthorization
  case unsupportedExpectation
  case headTooLarge
  case tooManyHeaders
  case targetTooLong
  /// HTTP/2 only, as is the next.
  case malformedPseudoField
  case connectionField

  /// The status of the answer.
  var status: Int {
    switch self {
    case .unsupportedVersion: 505
    case .unknownMethod: 501
    case .unsupportedExpectation: 417
    case .headTooLarge, .tooManyHeaders: 431
    case .targetTooLong: 414
    default: 400
    }
  }

  /// The problem's stable code.
  var code: String {
    switch self {
    case .unsupportedVersion: "unsupported_version"
    case .unknownMethod: "method_not_implemented"
    case .unsupportedExpectation: "unsupported_expectation"
    case .headTooLarge, .tooManyHeaders: "head_too_large"
    case .targetTooLong: "uri_too_long"
    case .pathNotNormal: "path_not_normal"
    default: "malformed_request"
    }
  }

  /// What is wrong, for a person.
  var detail: String {
    switch self {
    case .bareLineFeed: "A line ends in LF without CR."
    case .malformedRequestLine: "The request line is not METHOD SP target SP HTTP/1.x."
    case .malformedStatusLine: "The status line is not HTTP/1.x SP three digits."
    case .malformedHeader: "A header line is not name:value of allowed characters."
    case .foldedHeader: "A header line begins with white space (obs-fold)."
    case .unsupportedVersion: "HTTP/1.1 and HTTP/1.0 are spoken here."
    case .unknownMethod: "The method is not implemented."
    case .malformedTarget: "The request target is not a path, or has characters that belong percent-encoded."
    case .pathNotNormal:
      "The path has a dot segment, an empty segment, a backslash, or an octet encoded that may not or need not be."
    case .authorityMismatch: "The target names another host than the Host header."
    case .missingHost: "HTTP/1.1 asks for a Host header."
    case .duplicateHost: "There is more than one Host header."
    case .malformedHost: "The Host header is not host[:port]."
    case .malformedContentLength: "Content-Length is not a plain decimal number."
    case .duplicateContentLength: "There is more than one Content-Length header."
    case .unsupportedTransferEncoding: "Transfer-Encoding is not exactly \"chunked\" on HTTP/1.1."
    case .twoFramings: "Content-Length and Transfer-Encoding exclude each other."
    case .duplicateAuthorization: "There is more than one Authorization header."
    case .unsupportedExpectation: "Only the expectation 100-continue is known."
    case .headTooLarge: "The request line and headers are too large."
    case .tooManyHeaders: "There are too many headers."
    case .targetTooLong: "The request target is too long."
    case .malformedPseudoField:
      ":method, :scheme (http or https) and :path come once each, before all other fields, and no others but :authority."
    case .connectionField: "A field of one HTTP/1.1 connection has no place in HTTP/2."
    }
  }
}

/// How much of a head is taken.
struct HeadLimits: Sendable, Equatable {
  /// Request line and headers, in bytes.
  var headBytes = 65_536
  /// The request target, in bytes.
  var targetBytes = 8_192
  var headerCount = 100
}
