import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Starts the platform process again when it dies: a trap in Swift cannot be caught, so somebody outside must.
///
/// It ends with the child's code when the child ended as it meant to (0, or 64 to 78: a mistake that a restart would
/// not mend) before any had run, and hands SIGTERM, SIGINT and SIGHUP on.
public struct Supervisor: Sendable {
  /// Pauses before the second, third, … start; the last one repeats. A child that lived for a minute starts anew.
  public static let pauses: [Duration] = [
    .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30),
  ]
  /// A child that lived this long had started.
  public static let settledAfter: Duration = .seconds(10)
  /// A child that lived this long was well.
  public static let wellAfter: Duration = .seconds(60)

  private let executable: String
  private let arguments: [String]
  private let environment: [String: String]
  private let say: @Sendable (String) -> Void

  /// - Parameter say: Tells the operator, one line.
  public init(
    executable: String, arguments: [String], environment: [String: String], say: @escaping @Sendable (String) -> Void
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.say = say
  }

  /// Whether a child that ended so is started again.
  public static func restarts(afterExitCode code: Int32) -> Bool { code != 0 && !(64...78).contains(code) }

  /// - Returns: the code to end with.
  public func run() async throws -> Int32 {
    let child = Child()
    let signals = child.passOn([SIGTERM, SIGINT, SIGHUP])
    defer { for source in signals { source.cancel() } }
    var failures = 0
    var hasRun = false
    while true {
      let began = ContinuousClock.now
      let process = Process()
      process.executableURL = URL(filePath: executable)
      process.arguments = arguments
      process.environment = environment
      // The child ends when this pipe does, and it does however this process ends.
      let tether = Pipe()
      process.standardInput = tether
      let status = try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<ExitStatus, any Error>) in
        process.terminationHandler = { process in
          continuation.resume(
            returning: ExitStatus(
              code: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal))
        }
        do {
          try process.run()
          child.started(process.processIdentifier)
        } catch {
          process.terminationHandler = nil
          continuation.resume(throwing: error)
        }
      }
      child.ended()
      try tether.fileHandleForWriting.close()
      if child.isStopping {
        // A child that had not yet come to handle the signal died of it: that is the end that was asked for.
        return status.isSignal
          ? ([SIGTERM, SIGINT, SIGHUP].contains(status.code) ? 0 : 128 + status.code) : status.code
      }
      // What ran once was set up right: if it now cannot start, what it needs is away and will come back.
      hasRun = hasRun || status.isSignal || began.duration(to: .now) > Self.settledAfter
      guard status.isSignal || status.code != 0 && (hasRun || Self.restarts(afterExitCode: status.code)) else {
        return status.code
      }
      failures = began.duration(to: .now) > Self.wellAfter ? 1 : failures + 1
      let pause = Self.pauses[min(failures, Self.pauses.count) - 1]
      say("the platform \(status); it starts again in \(pause)")
      let end = ContinuousClock.now + pause
      // In short steps, so that a signal ends the wait.
      while ContinuousClock.now < end, !child.isStopping { try await Task.sleep(for: .milliseconds(50)) }
      if child.isStopping { return 0 }
    }
  }

  private struct ExitStatus: CustomStringConvertible {
    var code: Int32
    var isSignal: Bool
    var description: String { isSignal ? "was killed by signal \(code)" : "ended with code \(code)" }
  }

  /// The child that lives now, and whether it was told to stop.
  private final class Child: Sendable {
    private let state = Mutex<(pid: Int32, isStopping: Bool)>((0, false))
    var isStopping: Bool { state.withLock { $0.isStopping } }

    func started(_ pid: Int32) {
      let stop = state.withLock { state in
        state.pid = pid
        return state.isStopping
      }
      if stop { kill(pid, SIGTERM) }
    }
    func ended() { state.withLock { $0.pid = 0 } }

    func passOn(_ signals: [Int32]) -> [any DispatchSourceSignal] {
      signals.map { signal in
        Foundation.signal(signal, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: signal, queue: .global())
        source.setEventHandler { [self] in
          let pid = state.withLock { state in
            state.isStopping = true
            return state.pid
          }
          if pid > 0 { kill(pid, signal) }
        }
        source.activate()
        return source
      }
    }
  }
}
