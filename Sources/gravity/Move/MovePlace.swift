import ArgumentParser
import Foundation
import GravityData
import GravityService
import GravityTelemetry
import Logging

/// One side of a move: the folder of a platform, or a PostgreSQL server.
struct MovePlace: Sendable {
  enum Kind: Sendable {
    case folder(DataDirectory)
    case server(url: String)
  }
  let kind: Kind
  let databases: Databases
  /// By which a move that was broken off knows its source again; without a secret.
  let identity: String
  private let output: LogOutput

  var isFolder: Bool { if case .folder = kind { true } else { false } }

  /// - Parameters:
  ///   - text: a path or a `postgres://` URL.
  ///   - makesFolder: whether a folder that is missing is made.
  /// - Throws: `ValidationError` for what is neither; ``StartFailure`` for a folder that is missing or of no use.
  init(_ text: String, _ configuration: PlatformConfiguration, makesFolder: Bool) throws {
    output = LogOutput(format: configuration.logFormat)
    guard let url = URLComponents(string: text), let scheme = url.scheme, text.contains("://") else {
      if !makesFolder, !FileManager.default.fileExists(atPath: text) {
        throw StartFailure(.unavailable, "there is no folder \(text)")
      }
      let directory = try DataDirectory(text)
      kind = .folder(directory)
      databases = Databases(.sqlite(directory), statementTimeout: Self.statementTimeout)
      identity = directory.url.standardizedFileURL.resolvingSymlinksInPath().path(percentEncoded: false)
      return
    }
    guard ["postgres", "postgresql"].contains(scheme), let host = url.host, !host.isEmpty else {
      throw ValidationError(
        "--from and --to take a folder, or a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE")
    }
    var named = url
    let others = (url.queryItems ?? []).filter { $0.name != "application_name" }
    named.queryItems = others + [URLQueryItem(name: "application_name", value: Self.applicationName)]
    guard let server = named.string else { throw ValidationError("the URL of the server cannot be written") }
    kind = .server(url: server)
    databases = Databases(
      .postgres(url: server, connections: 3, prefix: configuration.postgresPrefix),
      statementTimeout: Self.statementTimeout)
    identity = "postgres://\(host):\(url.port ?? 5432)/\(configuration.postgresPrefix)"
  }

  func open(_ name: String) throws -> any Database { try databases.open(name, telemetry) }

  /// - Returns: nil when there is no such database.
  func openExisting(_ name: String) async throws -> (any Database)? {
    try await databases.isThere(name) ? open(name) : nil
  }

  private var telemetry: ServiceTelemetry { ServiceTelemetry(service: "move", level: .warning, output: output) }
  var logger: Logger { telemetry.logger("move") }

  /// Makes sure that nothing else uses the place, as far as it can be known; a folder stays locked until the process
  /// ends.
  func claim() throws {
    if case .folder(let directory) = kind { try directory.lock(.alone) }
  }

  /// - Throws: ``StartFailure`` when somebody else is connected to that database of the server.
  func refuseOthers(in database: any Database, called name: String) async throws {
    guard !isFolder else { return }
    let sessions = try await database.rows(
      """
      SELECT CAST(pid AS bigint) AS pid, coalesce(application_name, '') AS program FROM pg_stat_activity
      WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
        AND coalesce(backend_type, 'client backend') = 'client backend'
        AND NOT starts_with(coalesce(application_name, ''), 'gravity move ')
      ORDER BY pid LIMIT 5
      """)
    if sessions.isEmpty { return }
    let list = try sessions.map { row in
      let program: String = try row.get("program")
      return "\(program.isEmpty ? "a program" : program) (process \(try row.get("pid", as: Int.self)) of the server)"
    }
    throw StartFailure(
      .unavailable,
      "\(databases.place(name)) is in use by \(list.joined(separator: ", ").printable): stop the platform, and whatever "
        + "else is connected")
  }

  /// What a move that was killed had sent may still be committed; until then nobody knows how far it came.
  /// - Throws: ``StartFailure`` when that does not end within ten seconds.
  func awaitEndOfFormer(in database: any Database, called name: String) async throws {
    guard !isFolder else { return }
    let end = ContinuousClock.now + .seconds(10)
    while true {
      let former = try await database.rows(
        """
        SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database()
          AND starts_with(application_name, 'gravity move ') AND application_name <> \(Self.applicationName) LIMIT 1
        """)
      if former.isEmpty { return }
      guard ContinuousClock.now < end else {
        throw StartFailure(.unavailable, "another `gravity move` is connected to \(databases.place(name))")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// By which the server's list of sessions tells this process from a former one.
  private static let applicationName = "gravity move \(getpid())"
  /// A count of very many rows takes its time; nobody waits for it but the move.
  private static let statementTimeout = Duration.seconds(3_600)
}
