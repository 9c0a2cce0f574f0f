public import ServiceContextModule

/// A request's place in a trace: W3C Trace Context (level 1).
public struct TraceContext: Sendable, Hashable {
  /// 16 bytes, not all zero.
  public var traceID: (UInt64, UInt64) { (traceHigh, traceLow) }
  private var traceHigh: UInt64
  private var traceLow: UInt64
  /// 8 bytes, not zero.
  public var spanID: UInt64
  public var isSampled: Bool

  public init(traceID: (UInt64, UInt64), spanID: UInt64, isSampled: Bool) {
    (traceHigh, traceLow) = traceID
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// The beginning of a trace.
  public static func root(isSampled: Bool = true) -> TraceContext {
    var random = SystemRandomNumberGenerator()
    return TraceContext(
      traceID: (random.next(), random.next() | 1), spanID: random.next() | 1, isSampled: isSampled)
  }

  /// A new span of the same trace.
  public func child() -> TraceContext {
    var random = SystemRandomNumberGenerator()
    return TraceContext(traceID: traceID, spanID: random.next() | 1, isSampled: isSampled)
  }

  /// Reads `traceparent` (§3.2). A version other than 00 is read as far as 00 goes, as §3.2.4 asks; `ff`, zero ids
  /// and upper-case digits are refused.
  public init?(traceparent: some StringProtocol) {
    let bytes = Array(traceparent.utf8)
    let dash = UInt8(ascii: "-")
    guard bytes.count == 55 || bytes.count > 55 && bytes[55] == dash, bytes[2] == dash, bytes[35] == dash,
      bytes[52] == dash, let version = Self.number(bytes[0..<2]), version != 0xFF,
      version != 0 || bytes.count == 55, let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
      high | low != 0, let span = Self.number(bytes[36..<52]), span != 0, let flags = Self.number(bytes[53..<55])
    else { return nil }
    self.init(traceID: (high, low), spanID: span, isSampled: flags & 1 == 1)
  }

  /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
  public var traceparent: String { "00-\(traceIDText)-\(spanIDText)-\(isSampled ? "01" : "00")" }
  /// 32 hex digits.
  public var traceIDText: String { Self.hex(traceHigh) + Self.hex(traceLow) }
  /// 16 hex digits.
  public var spanIDText: String { Self.hex(spanID) }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    digits.reduce(UInt64?(0)) { total, byte in
      guard let total else { return nil }
      switch byte {
      case 0x30...0x39: return total << 4 | UInt64(byte - 0x30)
      case 0x61...0x66: return total << 4 | UInt64(byte - 0x57)
      default: return nil
      }
    }
  }
}

private enum TraceContextKey: ServiceContextKey { typealias Value = TraceContext }
private enum RequestIDKey: ServiceContextKey { typealias Value = String }

extension ServiceContext {
  public var trace: TraceContext? {
    get { self[TraceContextKey.self] }
    set { self[TraceContextKey.self] = newValue }
  }
  /// The id under which the request that is being served is logged.
  public var requestID: String? {
    get { self[RequestIDKey.self] }
    set { self[RequestIDKey.self] = newValue }
  }
}
