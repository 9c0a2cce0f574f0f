public import Logging
import Synchronization

/// The least level that is logged, of every logger that shares it. It may change while they are used.
public final class LogThreshold: Sendable {
  /// An index of `Logger.Level.allCases`, which are in the order of their weight.
  private let index: Atomic<Int>

  public init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

  public var level: Logger.Level {
    get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
    set { index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  private static func index(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}
