import Foundation
import Logging
import Patience
import Synchronization
import TestServers
import Testing

@testable import RedisEngine

/// The server that `scripts/servers` has started, which all suites share. Each test has names of its own.
enum TestServer {
  static let url = ProcessInfo.processInfo.environment["GRAVITY_TEST_REDIS_URL"]
}

/// A client that runs, and what it has logged.
final class RunningClient: Sendable {
  let client: RedisClient
  let log = LogLines()
  private let running: Task<Void, any Error>

  init(_ url: String = TestServer.url!, _ configuration: RedisClient.Configuration = .init()) throws {
    let log = log
    let client = try RedisClient(
      url: url, configuration: configuration, logger: Logger(label: "test") { _ in log.handler })
    self.client = client
    running = Task { try await client.run() }
  }

  deinit { running.cancel() }

  func isReady() async throws {
    try await eventually("the client is ready") { client.trouble == nil }
  }

  @discardableResult
  func call(_ command: [RESPArgument], isIdempotent: Bool = false) async throws -> RESPValue {
    guard case .text(let name)? = command.first else { throw ShellFailure(what: "no command") }
    return try await client.send(client.operation(name), command, isIdempotent: isIdempotent).value
  }

  /// - Returns: how long it took.
  @discardableResult
  func end() async -> Duration {
    running.cancel()
    return await ContinuousClock().measure {
      do {
        try await running.value
      } catch {
        Issue.record("run() ended with \(error)")
      }
    }
  }
}

/// What was logged, with its metadata.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var handler: any LogHandler { Handler(lines: self) }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level) \(event.message) \(event.metadata ?? [:])") }
  }
}

/// A prefix that no other test has.
func uniquePrefix() -> String { "t\(UUID().uuidString.prefix(8).lowercased())" }

/// What a call failed with, and that it did in time: a multiple of the bounds that the tests set, of which the grace for
/// connecting, 5 s, is the longest.
func failure(
  within bound: Duration = .seconds(30), _ call: () async throws -> some Any,
  at location: SourceLocation = #_sourceLocation
) async -> RedisError? {
  let start = ContinuousClock.now
  defer {
    let elapsed = ContinuousClock.now - start
    #expect(elapsed < bound, sourceLocation: location)
  }
  do {
    _ = try await call()
    return nil
  } catch {
    return error as? RedisError
  }
}
