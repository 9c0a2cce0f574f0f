public import Foundation
import Synchronization

/// A program that a test starts, follows and ends.
///
/// Not Foundation's `Process`, which learns of an end by a socket that other children inherit and a run loop that reads
/// it, and whose waits hold threads that the tests need. Here a thread of its own reads and waits, and every wait ends.
public final class Program: Sendable {
  public enum End: Hashable, Sendable {
    case exited(Int32)
    /// By a signal.
    case killed(Int32)
  }

  public enum Source: Sendable { case output, errors }

  public struct Outcome: Sendable {
    public var end: End
    public var output: String
    public var errors: String

    /// The exit code, or minus the signal.
    public var status: Int32 { end.status }
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  private struct State {
    var end: End?
    /// Whether all that it printed was read.
    var isRead = false
    /// When it is killed, and whether that was so.
    var deadline: ContinuousClock.Instant?
    var isLate = false
    var waiters: [(untilRead: Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  public let processID: pid_t
  private let words: [String]
  private let state = Mutex(State())

  /// - Parameters:
  ///   - words: The program, by its path or as `PATH` finds it, and its arguments.
  ///   - environment: All of it; the test's own where this is nil.
  ///   - folder: Where it runs; where the test does when nil.
  ///   - input: A file.
  ///   - read: Is handed what it prints, on a thread of its own.
  public init(
    _ words: [String], environment: [String: String]? = nil, in folder: String? = nil, input: String = "/dev/null",
    read: @escaping @Sendable (Program, Source, ArraySlice<UInt8>) -> Void = { _, _, _ in }
  ) throws {
    let (output, errors) = (try Pipe(), try Pipe())
    defer {
      close(output.writing)
      close(errors.writing)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)
    Self.keepDescriptors()
    let command = folder.map { ["sh", "-c", "cd \"$0\" && exec \"$@\"", $0] + words } ?? words
    var arguments = command.map { strdup($0) } + [nil]
    var variables =
      (environment ?? ProcessInfo.processInfo.environment).map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var process = pid_t()
    let code = posix_spawnp(&process, command[0], &actions, nil, &arguments, &variables)
    guard code == 0 else {
      close(output.reading)
      close(errors.reading)
      throw Failure(description: "\(words[0]): \(String(cString: strerror(code)))")
    }
    processID = process
    self.words = words
    Thread { self.follow([(.output, output.reading), (.errors, errors.reading)], read) }.start()
  }

  /// A socket of the test's must not stay open because a child has it, too.
  private static func keepDescriptors() {
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
    for descriptor in open.compactMap({ Int32($0) }) where descriptor > STDERR_FILENO {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }

  private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(String(cString: strerror(errno)))") }
      // Another child that kept the writing end would keep us from seeing this one's end.
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      (reading, writing) = (ends[0], ends[1])
    }
  }

  public var isRunning: Bool { state.withLock { $0.end == nil } }

  /// Does nothing once it has ended.
  public func signal(_ signal: Int32) {
    state.withLock { state in
      guard state.end == nil else { return }
      kill(processID, signal)
    }
  }

  /// Waits for its end.
  /// - Throws: ``Failure`` when it has to be killed because it takes longer than `patience`.
  public func end(within patience: Duration = .seconds(120)) async throws -> End {
    try await wait(untilRead: false, patience)
  }

  private func wait(untilRead: Bool, _ patience: Duration) async throws -> End {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if untilRead ? state.isRead : state.end != nil { return true }
        let deadline = ContinuousClock.now + patience
        state.deadline = min(state.deadline ?? deadline, deadline)
        state.waiters.append((untilRead, continuation))
        return false
      }
      if isOver { continuation.resume() }
    }
    return try state.withLock { state in
      guard !state.isLate, let end = state.end else {
        throw Failure(description: "\(words.joined(separator: " ").prefix(200)): did not end within \(patience)")
      }
      return end
    }
  }

  // MARK: - Its thread

  private typealias Descriptor = (source: Source, number: Int32)

  /// What another process may print that has its pipes still is waited for no longer than this after its end.
  private static let rest = Duration.seconds(5)

  private func follow(_ descriptors: [Descriptor], _ read: (Program, Source, ArraySlice<UInt8>) -> Void) {
    var left = descriptors
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var givenUp: ContinuousClock.Instant?
    while true {
      var entries = left.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
      _ = poll(&entries, nfds_t(entries.count), left.isEmpty ? 5 : 50)
      for (descriptor, entry) in zip(left, entries) where entry.revents != 0 {
        let count = Foundation.read(descriptor.number, &buffer, buffer.count)
        if count > 0 {
          read(self, descriptor.source, buffer[..<count])
        } else if count == 0 || errno != EINTR {
          close(descriptor.number)
          left.removeAll { $0.number == descriptor.number }
        }
      }
      guard hasEnded() else { continue }
      let limit = givenUp ?? .now + Self.rest
      givenUp = limit
      if left.isEmpty || ContinuousClock.now > limit { noteRead() }
      // Whoever has its pipes goes on printing.
      if left.isEmpty { return }
    }
  }

  private func hasEnded() -> Bool {
    let (isOver, waiters) = state.withLock { state in
      if state.end != nil { return (true, []) as (Bool, [CheckedContinuation<Void, Never>]) }
      var status: Int32 = 0
      guard waitpid(processID, &status, WNOHANG) == processID else {
        if let deadline = state.deadline, ContinuousClock.now > deadline, !state.isLate {
          state.isLate = true
          kill(processID, SIGKILL)
        }
        return (false, [])
      }
      let signal = status & 0x7F
      state.end = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
      let waiting = state.waiters.filter { !$0.untilRead }.map(\.continuation)
      state.waiters.removeAll { !$0.untilRead }
      return (true, waiting)
    }
    for waiter in waiters { waiter.resume() }
    return isOver
  }

  private func noteRead() {
    let waiters = state.withLock { state in
      state.isRead = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.continuation.resume() }
  }
}

extension Program.End {
  /// The exit code, or minus the signal.
  public var status: Int32 {
    switch self {
    case .exited(let code): code
    case .killed(let signal): -signal
    }
  }
}

// MARK: - To its end

extension Program {
  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - words: As in ``init(_:environment:in:input:read:)``.
  ///   - limit: It is killed with SIGKILL as soon as it has printed so many lines. What stands in the pipe by then is
  ///     read all the same.
  /// - Throws: ``Failure`` when it has to be killed because it takes longer than `patience`.
  public static func run(
    _ words: [String], environment: [String: String]? = nil, in folder: String? = nil, input: String = "/dev/null",
    killAfterLines limit: Int = .max, patience: Duration = .seconds(180)
  ) async throws -> Outcome {
    let printed = Printed()
    let program = try Program(words, environment: environment, in: folder, input: input) { program, source, bytes in
      if printed.add(bytes, source) >= limit { program.signal(SIGKILL) }
    }
    do {
      let end = try await program.wait(untilRead: true, patience)
      return Outcome(end: end, output: printed.text(.output), errors: printed.text(.errors))
    } catch let failure as Failure {
      let last = (printed.text(.output) + printed.text(.errors)).suffix(2_000)
      throw Failure(description: "\(failure.description), and had printed: \(last)")
    }
  }

  /// Runs a product of this package, with `environment` beside the test's own.
  public static func run(
    product name: String, _ arguments: [String], environment: [String: String] = [:], killAfterLines limit: Int = .max,
    patience: Duration = .seconds(180)
  ) async throws -> Outcome {
    // Beside the test bundle, where SwiftPM puts all products.
    guard let folder = Bundle.main.executableURL?.deletingLastPathComponent() else {
      throw Failure(description: "no folder")
    }
    return try await run(
      [folder.appending(path: name).path(percentEncoded: false)] + arguments,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, killAfterLines: limit,
      patience: patience)
  }

  /// Where a program is; nil where the machine has none.
  public static func path(_ name: String) -> String? {
    ["/usr/bin/", "/usr/local/bin/", "/opt/homebrew/bin/"].map { $0 + name }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  private final class Printed: Sendable {
    private let state = Mutex((output: [UInt8](), errors: [UInt8](), lines: 0))

    /// - Returns: how many lines were printed so far; errors are not counted.
    func add(_ bytes: ArraySlice<UInt8>, _ source: Source) -> Int {
      state.withLock { state in
        switch source {
        case .output:
          state.output += bytes
          state.lines += bytes.count { $0 == UInt8(ascii: "\n") }
        case .errors: state.errors += bytes
        }
        return state.lines
      }
    }

    func text(_ source: Source) -> String {
      state.withLock { String(decoding: source == .output ? $0.output : $0.errors, as: UTF8.self) }
    }
  }
}
