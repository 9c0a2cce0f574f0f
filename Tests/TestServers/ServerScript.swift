public import Foundation
import Patience

/// `scripts/servers`, which starts and ends real servers.
public let serversScript = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "scripts/servers").path(percentEncoded: false)

public struct ShellFailure: Error {
  public var what: String
  public init(what: String) { self.what = what }
}

/// Runs a command to its end, for three minutes at most.
/// - Returns: What it printed, errors too.
/// - Throws: ``ShellFailure`` with that when it fails.
@discardableResult
public func shell(_ command: [String]) async throws -> String {
  // Where the user that a server runs as may be, too.
  let outcome = try await Program.run(command, in: "/")
  let output = outcome.output + outcome.errors
  guard outcome.end == .exited(0) else { throw ShellFailure(what: "\(command.joined(separator: " ")): \(output)") }
  return output
}

/// Stops a process, and returns when each of its threads has stopped: until then it still answers.
public func freezeProcess(_ process: pid_t) async throws {
  kill(process, SIGSTOP)
  try await eventually("it has stopped") {
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
    return try threads.allSatisfy { thread in
      let line = try String(contentsOfFile: "/proc/\(process)/task/\(thread)/stat", encoding: .utf8)
      // The state stands behind the name, which is in parentheses and may hold some itself.
      return line[line.index(after: line.lastIndex(of: ")")!)...].hasPrefix(" T")
    }
  }
}
