import Foundation
import GravityData
import Patience
import PostgresEngine
import Synchronization
import TestServers
import Testing

/// A PostgreSQL server that one test has for itself, in a folder of its own, made by `scripts/servers`.
struct PrivateServer: Sendable {
  static let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_BIN"]
  static var isPossible: Bool { bin != nil }

  let url: String
  /// The server's own: its data are in `data`.
  var home: String { folder + "/postgres" }
  /// On 127.0.0.1.
  var port: String { String(url.split(separator: ":").last!.split(separator: "/")[0]) }
  private let folder: String

  static func with(_ body: (PrivateServer) async throws -> Void) async throws {
    let folder = "/tmp/gravity-pg-\(UUID().uuidString.prefix(8))"
    let output = try await shell([serversScript, "start", "--only", "postgres", "--dir", folder])
    let line = try #require(output.split(separator: "\n").first { $0.contains("POSTGRES_URL=") })
    let url = String(line[line.index(after: line.firstIndex(of: "=")!)...])
    let server = PrivateServer(url: url, folder: folder)
    do {
      try await server.shrink()
      try await body(server)
    } catch {
      _ = try? await shell([serversScript, "stop", "--only", "postgres", "--dir", folder])
      throw error
    }
    _ = try await shell([serversScript, "stop", "--only", "postgres", "--dir", folder])
  }

  /// To 18 connections, and 3 more for superusers, so that it can be filled.
  private func shrink() async throws {
    try psql("ALTER SYSTEM SET max_connections = 21", "CREATE ROLE app LOGIN", "CREATE DATABASE app OWNER app")
    try await control("restart", "-m", "fast")
  }

  func open(_ adjust: (inout PostgresDatabase.Configuration) -> Void) async throws -> PostgresDatabase {
    var configuration = PostgresDatabase.Configuration()
    adjust(&configuration)
    return try PostgresDatabase(
      url: TestServer.url("app", on: url.replacing("gravity@", with: "app@")), configuration: configuration)
  }

  /// As the user that the server runs as: it refuses to be root, and to use a key that is not its own.
  func runAsServer(_ command: [String]) async throws {
    let user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
    _ = try await shell(getuid() == 0 ? user + command : command)
  }

  /// `pg_ctl`.
  func control(_ arguments: String...) async throws {
    let command = [Self.bin! + "/pg_ctl", "-D", home + "/data", "-l", home + "/server.log", "-w", "-o", "-p \(port)"]
    try await runAsServer(command + arguments)
  }

  /// Sends a signal to the postmaster and all of its children.
  /// - Returns: their process numbers.
  func signal(_ signal: Int32) throws -> [pid_t] {
    let text = try String(contentsOfFile: home + "/data/postmaster.pid", encoding: .utf8)
    let postmaster = try #require(pid_t(text.split(separator: "\n")[0]))
    let children = try String(contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children", encoding: .utf8)
    let processes = [postmaster] + children.split(separator: " ").compactMap { pid_t($0) }
    for process in processes { kill(process, signal) }
    return processes
  }

  /// Blocks: for the body of a transaction, which is synchronous.
  func psql(_ statements: String...) throws {
    let options = statements.flatMap { ["-c", $0] }
    _ = try Self.run([Self.bin! + "/psql", "-qX", "-v", "ON_ERROR_STOP=1", url] + options)
  }

  struct Failure: Error { var what: String }

  private static func run(_ command: [String]) throws -> String {
    let quoted = command.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
    // The server must not inherit the pipe, or we would read until it ends.
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path(percentEncoded: false)
    defer { unlink(file) }
    guard let stream = popen("cd / && \(quoted) >\(file) 2>&1 </dev/null", "r") else { throw Failure(what: "popen") }
    let status = pclose(stream)
    let output = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    guard status == 0 else { throw Failure(what: "\(quoted): \(output)") }
    return output
  }
}

/// Writers that never stop, and a note of what they were promised.
final class Load: Sendable {
  private struct State {
    var promised: Set<Int> = []
    var unknown: Set<Int> = []
    var next = 0
    var isStopped = false
  }
  private let database: PostgresDatabase
  private let state = Mutex(State())

  init(_ database: PostgresDatabase) { self.database = database }

  func prepare() async throws {
    try await database.write { try $0.execute(.table("load", "n \(type: .bigint) PRIMARY KEY")) }
  }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<16 { group.addTask { await self.write() } }
    }
  }

  func stop() { state.withLock { $0.isStopped = true } }

  /// Ends when that many more were acknowledged.
  func acknowledged(_ count: Int) async throws {
    let goal = promised + count
    try await eventually("\(goal) are acknowledged, not \(promised)") { promised >= goal }
  }

  private var promised: Int { state.withLock { $0.promised.count } }

  /// All that was promised is there, and nothing that was refused.
  func check() async throws {
    let found = Set(try await database.rows("SELECT n FROM load").map { try $0.get("n", as: Int.self) })
    let (promised, unknown) = state.withLock { ($0.promised, $0.unknown) }
    #expect(promised.subtracting(found).isEmpty, "acknowledged, and lost")
    #expect(found.subtracting(promised).isSubset(of: unknown), "refused, and stored")
  }

  private func write() async {
    while true {
      let n: Int? = state.withLock { state in
        state.next += 1
        return state.isStopped ? nil : state.next
      }
      guard let n else { return }
      do {
        try await database.write { try $0.execute("INSERT INTO load (n) VALUES (\(n))") }
        state.withLock { _ = $0.promised.insert(n) }
      } catch is CancellationError {
        return  // The test failed elsewhere.
      } catch {
        let code = (error as? DatabaseError)?.code
        if code == .commitUnknown {
          state.withLock { _ = $0.unknown.insert(n) }
        } else {
          #expect((error as? DatabaseError)?.isTransient == true, "\(error)")
        }
      }
    }
  }
}

/// Lets nobody go before all have come.
final class Meeting: Sendable {
  private let all: Int
  private let here = Mutex(0)
  private let start = DispatchSemaphore(value: 0)

  init(_ all: Int) { self.all = all }

  func join() {
    let isLast = here.withLock { here in
      here += 1
      return here == all
    }
    if isLast { for _ in 0..<all { start.signal() } }
    _ = start.wait(timeout: .now() + 20)
  }
}

final class Count: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func increment() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}

/// How a call failed; nil when it did not.
func code(_ call: () async throws -> some Any) async -> DatabaseError.Code? {
  do {
    _ = try await call()
    return nil
  } catch {
    return (error as? DatabaseError)?.code ?? .other
  }
}
