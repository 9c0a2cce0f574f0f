#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// When spans begin, and how long they take: a clock that is set must not make a span longer.
public struct TraceClock: Sendable {
  /// Nanoseconds since 1970.
  public var wall: @Sendable () -> UInt64
  /// Nanoseconds since some moment; never goes back.
  public var monotonic: @Sendable () -> UInt64

  public init(wall: @escaping @Sendable () -> UInt64, monotonic: @escaping @Sendable () -> UInt64) {
    self.wall = wall
    self.monotonic = monotonic
  }

  public static let system = TraceClock(
    wall: { nanoseconds(of: CLOCK_REALTIME) }, monotonic: { nanoseconds(of: CLOCK_MONOTONIC) })

  private static func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
