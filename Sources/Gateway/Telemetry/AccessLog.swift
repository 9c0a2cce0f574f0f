public import NIOCore

/// Where requests are written down, one line each.
///
/// It is called on an event loop: it must not wait.
public protocol AccessLog: Sendable {
  /// Called once for each request, when it is over, also for those that were refused.
  func record(_ entry: AccessEntry)
}

/// What came of a request.
public struct AccessEntry: Sendable {
  /// Which of the gateway's event loops served it, from 0. A log that keeps something for each needs no lock that all
  /// take.
  public var loop: Int
  /// `GET`, or whatever token the client sent.
  public var method: String
  /// The path as it came, without its query.
  public var pathBytes: ByteBuffer
  /// 499 where the client left before there was an answer.
  public var status: Int
  /// From the end of the request's head to the end of the answer, in nanoseconds.
  public var duration: Int64
  /// The IP address, as text; behind trusted proxies that of who is before them.
  public var clientAddress: String
  /// 16 bytes.
  public var traceID: (UInt64, UInt64)
  /// 8 bytes.
  public var spanID: UInt64
  /// The id as it is in `X-Request-Id`: the client's, where it is harmless, else one of the gateway's own; ASCII.
  public var requestIDBytes: [UInt8]
  /// The route's name; nil where none was found.
  public var route: String?
  /// The instance's id; nil where none was asked.
  public var upstream: String?
  /// Bytes of the answer's body, as sent.
  public var responseBodyBytes: Int
  /// The problem's code, where the gateway itself refused.
  public var refusal: String?
  /// `1.0`, `1.1` or `2`.
  public var httpVersion: String
  /// `1.2` or `1.3`; nil without TLS.
  public var tlsVersion: String?

  /// As ``pathBytes``, put together anew each time.
  public var path: String { String(buffer: pathBytes) }
  /// As ``requestIDBytes``, put together anew each time.
  public var requestID: String { String(decoding: requestIDBytes, as: UTF8.self) }
  /// 32 hexadecimal digits.
  public var traceIDText: String { Self.hex(traceID.0) + Self.hex(traceID.1) }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
