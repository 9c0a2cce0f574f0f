/// How a message's end is known (RFC 9112 §6.3).
enum BodyFraming: Sendable, Equatable {
  case none
  /// As many bytes as Content-Length says, at least 1.
  case length(Int)
  case chunked
  /// Until the peer closes; responses only.
  case untilClose
}
