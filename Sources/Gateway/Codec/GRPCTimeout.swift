/// `grpc-timeout`: how long a caller of gRPC waits for the whole call (PROTOCOL-HTTP2.md of gRPC, *Timeout*).
enum GRPCTimeout {
  /// - Returns: nil for what is no number of 1 to 8 digits that is above 0 and has a unit behind it, and for so many hours
  ///   that there is no moment for their end.
  static func nanoseconds(_ value: UnsafeRawBufferPointer) -> Int64? {
    guard (2...9).contains(value.count), let unit = value.last.flatMap(scale) else { return nil }
    let digits = value.dropLast()
    guard digits.allSatisfy(Octet.isDigit) else { return nil }
    let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 &- 0x30) }
    let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow || nanoseconds == 0 ? nil : nanoseconds
  }

  /// Nanoseconds.
  private static func scale(_ unit: UInt8) -> Int64? {
    switch unit {
    case UInt8(ascii: "H"): 3_600_000_000_000
    case UInt8(ascii: "M"): 60_000_000_000
    case UInt8(ascii: "S"): 1_000_000_000
    case UInt8(ascii: "m"): 1_000_000
    case UInt8(ascii: "u"): 1_000
    case UInt8(ascii: "n"): 1
    default: nil
    }
  }
}
