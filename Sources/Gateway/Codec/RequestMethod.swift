/// A request's method (RFC 9110 §9, RFC 5789). CONNECT and TRACE are not implemented: the one asks for a tunnel to
/// anywhere, the other shows a request's headers to a script.
enum RequestMethod: UInt8, Sendable, CaseIterable {
  case get, head, post, put, patch, delete, options

  @inline(__always)
  init?(_ bytes: UnsafeRawBufferPointer) {
    func matches(_ text: StaticString) -> Bool {
      guard bytes.count == text.utf8CodeUnitCount else { return false }
      for index in 0..<bytes.count where bytes[index] != text.utf8Start[index] { return false }
      return true
    }
    switch bytes.first {
    case UInt8(ascii: "G") where matches("GET"): self = .get
    case UInt8(ascii: "H") where matches("HEAD"): self = .head
    case UInt8(ascii: "P") where matches("POST"): self = .post
    case UInt8(ascii: "P") where matches("PUT"): self = .put
    case UInt8(ascii: "P") where matches("PATCH"): self = .patch
    case UInt8(ascii: "D") where matches("DELETE"): self = .delete
    case UInt8(ascii: "O") where matches("OPTIONS"): self = .options
    default: return nil
    }
  }

  var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    }
  }

  /// Whether doing it twice does what doing it once does (RFC 9110 §9.2.2).
  var isIdempotent: Bool { self != .post && self != .patch }
}
