import GravityTelemetry

/// A request's place in a trace (W3C Trace Context), as numbers, so that reading and writing it makes no `String`.
struct TraceFields: Sendable, Equatable {
  var high: UInt64
  var low: UInt64
  var span: UInt64
  /// The client's span; 0 where it named none.
  var parent: UInt64
  var isSampled: Bool
  /// Whether the trace is the client's; false begins a new one.
  var continuesInbound: Bool

  /// A span of the gateway's own: a child of `inbound` where that is a well-formed `traceparent` (§3.2), else a root.
  init(inbound: UnsafeRawBufferPointer?, random: inout some RandomNumberGenerator) {
    span = random.next() | 1
    if let inbound, let inbound = Self.parse(inbound) {
      (high, low, parent, isSampled) = inbound
      continuesInbound = true
    } else {
      (high, low) = (random.next(), random.next() | 1)
      parent = 0
      isSampled = true
      continuesInbound = false
    }
  }

  var context: TraceContext { TraceContext(traceID: (high, low), spanID: span, isSampled: isSampled) }

  /// Whether the trace is kept, as the gateway's own traces have it.
  mutating func sample(_ sampler: Sampler) {
    isSampled = sampler.keeps(traceLow: low, parent: continuesInbound ? isSampled : nil)
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64, Bool)? {
    guard bytes.count == 55 || bytes.count > 55 && bytes[55] == Octet.dash, bytes[2] == Octet.dash,
      bytes[35] == Octet.dash, bytes[52] == Octet.dash, let version = number(bytes, 0, 2), version != 0xFF,
      version != 0 || bytes.count == 55, let high = number(bytes, 3, 19), let low = number(bytes, 19, 35),
      high | low != 0, let span = number(bytes, 36, 52), span != 0, let flags = number(bytes, 53, 55)
    else { return nil }
    return (high, low, span, flags & 1 == 1)
  }

  /// Lower-case hexadecimal digits only (§2.3).
  private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UInt64? {
    var total: UInt64 = 0
    for index in start..<end {
      let byte = bytes[index]
      guard let digit = Octet.hexValue(byte), byte < 0x41 || byte > 0x46 else { return nil }
      total = total << 4 | UInt64(digit)
    }
    return total
  }
}
