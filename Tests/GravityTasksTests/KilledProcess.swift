import Foundation

/// A program of this package that is killed with SIGKILL while it works.
enum KilledProcess {
  struct Failure: Error { var what: String }

  /// - Returns: how many lines the program had written when it died.
  static func run(_ name: String, _ arguments: [String], killAfterLines limit: Int) async throws -> Int {
    // Beside the test bundle, where SwiftPM puts all products.
    guard let folder = Bundle.main.executableURL?.deletingLastPathComponent() else { throw Failure(what: "no folder") }
    let program = folder.appending(path: name).path(percentEncoded: false)
    // On a thread of its own: it waits for a process, which the tests' few threads must not.
    return try await withCheckedThrowingContinuation { continuation in
      Thread {
        continuation.resume(with: Result { try waitAndKill(program, arguments, limit) })
      }.start()
    }
  }

  private static func waitAndKill(_ program: String, _ arguments: [String], _ limit: Int) throws -> Int {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(what: "pipe") }
    // Another child that kept the writing end would keep us from seeing this one's end.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let code = posix_spawn(&process, program, &actions, nil, &words, environ)
    close(ends[1])
    guard code == 0 else { throw Failure(what: "\(program): \(String(cString: strerror(code)))") }
    var lines = 0
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count <= 0 { break }
      lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
      if lines >= limit { _ = kill(process, SIGKILL) }
    }
    var status: Int32 = 0
    _ = waitpid(process, &status, 0)
    guard status & 0x7F == SIGKILL else { throw Failure(what: "the process ended by itself: \(status)") }
    return lines
  }
}
