/// What a cache itself can refuse with; all else that a caller sees is its loader's own error.
public enum CacheError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The load took longer than ``CachePolicy/loadTimeout``. It was cancelled and its value will not be stored.
  case loadTimedOut
  /// More loads are under way than ``CachePolicy/maximumLoads``; those that timed out and do not end count too.
  case tooManyLoads
  /// A policy with a value out of its bounds.
  case invalidPolicy(String)

  public var description: String {
    switch self {
    case .loadTimedOut: "the load took too long"
    case .tooManyLoads: "too many loads are under way"
    case .invalidPolicy(let reason): "the cache policy is invalid: \(reason)"
    }
  }
}
