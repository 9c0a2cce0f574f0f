import Foundation
import GravityData
import Testing

/// Kills a process with SIGKILL while it writes, and looks for what it had been promised.
public enum CrashTest {
  /// - Parameters:
  ///   - acknowledged: how many writes the process has seen acknowledged when it is killed.
  ///   - writers: how many of its tasks write at once.
  public static func run(_ engine: EngineUnderTest, killAfter acknowledged: Int, writers: Int) async throws {
    try await engine.withPlace { place in
      let promised = try await kill(place.url, after: acknowledged, writers: writers)
      #expect(promised.count >= acknowledged)
      try await engine.withDatabase(at: place) { database in
        let found = Set(try await database.rows("SELECT n FROM crash_a").map { try $0.get("n", as: Int.self) })
        let partners = Set(try await database.rows("SELECT n FROM crash_b").map { try $0.get("n", as: Int.self) })
        #expect(promised.subtracting(found).isEmpty, "acknowledged, and lost")
        #expect(found == partners, "half of a transaction")
        // And it goes on.
        try await database.write { try $0.execute("INSERT INTO crash_a (n) VALUES (\(-1))") }
      }
    }
  }

  /// - Returns: the numbers that the process saw acknowledged.
  private static func kill(_ url: String, after limit: Int, writers: Int) async throws -> Set<Int> {
    // Beside the test bundle, where SwiftPM puts all products.
    let folder = try #require(Bundle.main.executableURL).deletingLastPathComponent()
    let program = folder.appending(path: "databasecrash").path(percentEncoded: false)
    // On a thread of its own: it waits for a process, which the tests' few threads must not.
    return try await withCheckedThrowingContinuation { continuation in
      Thread {
        continuation.resume(
          with: Result {
            let victim = try Victim(program, [url, "\(writers)"])
            return try victim.killed(afterLines: limit)
          })
      }.start()
    }
  }
}

/// A child process whose output we read. Not Foundation's `Process`, whose waiting is a run loop's.
private struct Victim {
  private let process: pid_t
  private let output: Int32

  struct Failure: Error { var what: String }

  init(_ program: String, _ arguments: [String]) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(what: "pipe") }
    // Another child that kept the writing end would keep us from seeing this one's end.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
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
    self.process = process
    output = ends[0]
  }

  /// - Returns: the numbers on all lines that it wrote before it died.
  func killed(afterLines limit: Int) throws -> Set<Int> {
    defer { close(output) }
    var text: [UInt8] = []
    var lines = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(output, &buffer, buffer.count)
      if count <= 0 { break }
      text += buffer[..<count]
      lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
      // What stands in the pipe by then is read all the same: it was promised, too.
      if lines >= limit { _ = Foundation.kill(process, SIGKILL) }
    }
    var status: Int32 = 0
    _ = waitpid(process, &status, 0)
    guard status & 0x7F == SIGKILL else { throw Failure(what: "the process ended by itself: \(status)") }
    // A line that was cut was not promised.
    let end = text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return Set(String(decoding: text[..<end], as: UTF8.self).split(separator: "\n").compactMap { Int($0) })
  }
}
