public import Foundation

/// One kind of background work, declared once: `let sendMail = TaskType<Mail>("mail.send")`.
///
/// Its payload is JSON of at most ``TaskQueue/greatestPayload`` bytes and outlives the program that wrote it: change
/// it by addition, since old and new instances run side by side.
public struct TaskType<Payload: Codable & Sendable>: Sendable {
  /// `family.what`.
  public let name: String
  /// How often it may fail before it is dead; 1 to 1 000.
  public let maximumAttempts: Int
  /// How long one attempt may take before its handler is cancelled; at most 30 days.
  public let timeout: Duration
  /// For tasks that do not say.
  public let priority: TaskUrgency
  /// How long after a failure the next attempt begins.
  public let backoff: TaskBackoff
  /// How long a finished task is kept; a dead one is kept for ``TaskQueue/deadRetention`` at least.
  public let retention: Duration

  /// - Parameters:
  ///   - name: two or more parts of lower-case letters, digits and `_`, joined by dots; at most 100 bytes.
  ///   - retention: 0 to 10 years; in whole seconds.
  public init(
    _ name: String, maximumAttempts: Int = 20, timeout: Duration = .seconds(60), priority: TaskUrgency = .normal,
    backoff: TaskBackoff = TaskBackoff(), retention: Duration = .seconds(24 * 3600)
  ) {
    precondition(TaskName.isTypeName(name), "\(name) is no task type: write it like mail.send")
    precondition((1...1_000).contains(maximumAttempts), "a task has 1 to 1 000 attempts")
    precondition(timeout > .zero && timeout <= .seconds(30 * 86_400), "an attempt takes up to 30 days")
    precondition(retention >= .zero && retention <= .seconds(315_360_000), "a task is kept for 0 to 10 years")
    self.name = name
    self.maximumAttempts = maximumAttempts
    self.timeout = timeout
    self.priority = priority
    self.backoff = backoff
    self.retention = retention
  }
}

/// Which of two due tasks runs first. Few levels on purpose: each is a range of its own in the index, so that tasks of
/// one that are not yet due never stand in the way of another's.
public enum TaskUrgency: Int, Sendable, Hashable, CaseIterable, Codable {
  case high, normal, low
}

/// Identifies a task: a version 7 UUID, so that ids sort by age.
public typealias TaskID = UUID

/// Where a task stands.
public enum TaskState: String, Sendable, Hashable, CaseIterable, Codable {
  /// For its time, or for a worker that is free.
  case waiting
  case running
  case done
  /// Failed for good; it can be retried or deleted by hand.
  case dead
  case canceled
}

/// How long a task waits after its n-th failure: `first` · 2ⁿ⁻¹, at most `longest` and a year, give or take half of `jitter`.
///
/// The defaults spread 20 attempts over about a day.
public struct TaskBackoff: Sendable, Hashable {
  public var first: Duration
  public var longest: Duration
  /// 0 to 1: the share of the delay that is left to chance, so that tasks that failed together do not come back
  /// together.
  public var jitter: Double

  public init(first: Duration = .seconds(5), longest: Duration = .seconds(3 * 3600), jitter: Double = 0.2) {
    self.first = max(.zero, first)
    self.longest = max(self.first, longest)
    self.jitter = min(max(jitter, 0), 1)
  }

  /// - Parameters:
  ///   - failures: how often it has failed; at least 1.
  ///   - chance: 0 to 1.
  public func delay(after failures: Int, chance: Double) -> Duration {
    let power = pow(2, Double(min(max(failures, 1) - 1, 60)))
    // A year at most, whatever is declared: a time that SQL cannot hold could not be written.
    let delay = min(max(first.inSeconds, 0) * power, longest.inSeconds, 366 * 86_400)
    let jitter = jitter.isFinite ? min(max(jitter, 0), 1) : 0
    return .seconds(max(0, delay) * (1 + jitter * (min(max(chance, 0), 1) - 0.5)))
  }
}

enum TaskName {
  static func isTypeName(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return name.utf8.count <= 100 && parts.count >= 2 && parts.allSatisfy(isWord)
  }

  /// Of a schedule: as a type, and one part is enough.
  static func isScheduleName(_ name: String) -> Bool {
    name.utf8.count <= 100 && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isWord)
  }

  private static func isWord(_ part: Substring) -> Bool {
    !part.isEmpty
      && part.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
