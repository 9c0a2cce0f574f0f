import Foundation

/// A program of this package that a test runs to its end, or kills.
///
/// Not Foundation's `Process`, which learns of an end by a socket that other children inherit and a run loop that reads it.
public enum ChildProcess {
  public enum End: Hashable, Sendable {
    case exited(Int32)
    /// By a signal.
    case killed(Int32)
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  /// - Parameters:
  ///   - name: A product of this package.
  ///   - environment: Beside the test's own.
  ///   - limit: It is killed with SIGKILL as soon as it has printed so many lines. What stands in the pipe by then is
  ///     read all the same.
  ///   - patience: It is killed when it takes longer, and that is a failure.
  /// - Returns: How it ended, and what it printed.
  public static func run(
    _ name: String, _ arguments: [String], environment: [String: String] = [:], killAfterLines limit: Int = .max,
    patience: Duration = .seconds(180)
  ) async throws -> (end: End, output: String) {
    // Beside the test bundle, where SwiftPM puts all products.
    guard let folder = Bundle.main.executableURL?.deletingLastPathComponent() else {
      throw Failure(description: "no folder")
    }
    let program = folder.appending(path: name).path(percentEncoded: false)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
    let deadline = ContinuousClock.now + patience
    // On a thread of its own: it waits for a process, which the tests' few threads must not.
    return try await withCheckedThrowingContinuation { continuation in
      Thread {
        continuation.resume(
          with: Result {
            let (process, output) = try start([program] + arguments, variables)
            return try follow(process, output, limit, deadline)
          })
      }.start()
    }
  }

  private static func start(_ words: [String], _ variables: [String]) throws -> (process: pid_t, output: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(errno)") }
    // Another child that kept the writing end would keep us from seeing this one's end.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var arguments = words.map { strdup($0) } + [nil]
    var environment = variables.map { strdup($0) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    var process = pid_t()
    let code = posix_spawn(&process, words[0], &actions, nil, &arguments, &environment)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw Failure(description: "\(words[0]): \(String(cString: strerror(code)))")
    }
    return (process, ends[0])
  }

  private static func follow(
    _ process: pid_t, _ output: Int32, _ limit: Int, _ deadline: ContinuousClock.Instant
  ) throws -> (end: End, output: String) {
    defer { close(output) }
    var (text, lines, isLate) = ([UInt8](), 0, false)
    func checkTime() {
      guard !isLate, ContinuousClock.now > deadline else { return }
      isLate = true
      _ = kill(process, SIGKILL)
    }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, 100)
      checkTime()
      guard ready > 0 else { continue }
      let count = read(output, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      text += buffer[..<count]
      lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
      if lines >= limit { _ = kill(process, SIGKILL) }
    }
    var status: Int32 = 0
    while waitpid(process, &status, WNOHANG) == 0 {
      checkTime()
      usleep(1_000)
    }
    let written = String(decoding: text, as: UTF8.self)
    guard !isLate else {
      throw Failure(description: "it did not end in time, and had printed: \(written.suffix(2_000))")
    }
    let signal = status & 0x7F
    return (signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal), written)
  }
}
