/// Which traces are kept: OpenTelemetry's samplers, by the names of `OTEL_TRACES_SAMPLER`.
///
/// Spans that fail are kept besides, see ``Span``.
public struct Sampler: Sendable, Hashable {
  /// Whether who sent the request has decided already.
  public let isParentBased: Bool
  /// A trace is kept when the last 56 bits of its id are not below this: 0 keeps all, 2^56 none.
  private let threshold: UInt64

  private static let bits: UInt64 = 1 << 56

  private init(isParentBased: Bool, threshold: UInt64) {
    self.isParentBased = isParentBased
    self.threshold = threshold
  }

  public static let alwaysOn = Sampler(isParentBased: false, threshold: 0)
  public static let alwaysOff = Sampler(isParentBased: false, threshold: bits)
  /// Keeps a share of traces, the same in every process.
  /// - Parameter ratio: 0 to 1; what is beyond counts as the nearer end.
  public static func ratio(_ ratio: Double) -> Sampler {
    Sampler(isParentBased: false, threshold: bits - UInt64((min(max(ratio, 0), 1) * Double(bits)).rounded()))
  }
  /// Does what the parent does, and `root` where there is none.
  public static func parentBased(_ root: Sampler) -> Sampler {
    Sampler(isParentBased: true, threshold: root.threshold)
  }

  /// - Parameters:
  ///   - traceLow: The second half of the trace's id.
  ///   - parent: Whether the parent is kept; nil for the beginning of a trace.
  @inline(__always)
  public func keeps(traceLow: UInt64, parent: Bool?) -> Bool {
    if isParentBased, let parent { return parent }
    return traceLow & (Self.bits - 1) >= threshold
  }
}
