/// What a handler throws to say what shall become of its task. Any other error means: again, after the back-off.
public enum TaskFailure: Error, Sendable, CustomStringConvertible {
  /// It can never succeed: the task is dead at once.
  case permanent(String)
  /// Again after that time, instead of the back-off. Counts as an attempt.
  case retry(after: Duration, String = "asked to be tried again")

  public var description: String {
    switch self {
    case .permanent(let reason), .retry(_, let reason): reason
    }
  }
}

/// The attempt's lease has gone to another attempt, or the task is finished: whatever this one writes is refused.
public struct TaskLost: Error, Sendable, Hashable, CustomStringConvertible {
  public let id: TaskID
  /// The fencing token.
  public let attempt: Int
  public var description: String { "attempt \(attempt) of task \(id) is no longer the task's" }
}

/// A task that cannot be put into the queue.
public enum TaskRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  /// The payload's size in bytes.
  case payloadTooLarge(Int)
  /// A key has 1 to 200 bytes and no NUL.
  case uniqueKey
  /// Both `at` and `after` were given.
  case time

  public var description: String {
    switch self {
    case .payloadTooLarge(let size): "the payload has \(size) bytes, more than \(TaskQueue.greatestPayload)"
    case .uniqueKey: "a unique key has 1 to 200 bytes and no NUL"
    case .time: "a task is due at a time or after a duration, not both"
    }
  }
}

extension String {
  /// At most `limit` bytes of it, without what SQL cannot hold.
  func bounded(to limit: Int) -> String {
    var text = utf8.count > limit ? String(decoding: utf8.prefix(limit), as: UTF8.self) : self
    // A character that was cut decodes as U+FFFD, which may be longer than what it stands for.
    while text.utf8.count > limit { text.removeLast() }
    return text.utf8.contains(0) ? text.replacing("\0", with: "") : text
  }
}
