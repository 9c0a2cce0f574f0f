import Foundation
import Synchronization

/// A place at which a torture run may kill this process, as `kill -9` would.
///
/// Nothing happens, and the name is not even made, unless the environment variable `GRAVITY_FAULT` names the point:
/// `saga.step.before:order.placement.reserve`, or with `@3` at its end the third pass of it. Several are parted by
/// commas. The variable is read once.
@inline(__always)
public func faultPoint(_ name: @autoclosure () -> String) {
  if let armed = ArmedFaults.shared { armed.pass(name()) }
}

@usableFromInline
final class ArmedFaults: Sendable {
  @usableFromInline static let shared = ArmedFaults(ProcessInfo.processInfo.environment["GRAVITY_FAULT"])

  /// How many passes are left until the process ends.
  private let left: Mutex<[String: Int]>

  init?(_ text: String?) {
    let parts = (text ?? "").split(separator: ",").map { $0.split(separator: "@", maxSplits: 1) }
    let faults = parts.compactMap { part -> (String, Int)? in
      guard let name = part.first else { return nil }
      return (String(name), part.count > 1 ? max(1, Int(part[1]) ?? 1) : 1)
    }
    if faults.isEmpty { return nil }
    left = Mutex(Dictionary(faults, uniquingKeysWith: min))
  }

  /// Whether the process has to end now.
  func isLastPass(_ name: String) -> Bool {
    left.withLock { left in
      guard let count = left[name] else { return false }
      left[name] = count - 1
      return count == 1
    }
  }

  @usableFromInline
  func pass(_ name: String) {
    guard isLastPass(name) else { return }
    kill(getpid(), SIGKILL)
    // The signal needs a moment; nothing may happen after this line.
    while true { pause() }
  }
}
