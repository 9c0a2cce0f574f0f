import Foundation
import GravityData
import GravityService
import GravityTelemetry
import Logging
import PostgresEngine

/// The PostgreSQL server, whatever database: version, rights, clock, durability, connections, TLS.
enum PostgresFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    guard let url = configuration.postgresURL else { return [] }
    var findings: [Finding] = []
    do {
      let server = try open(url)
      do {
        findings += try await examine(server, configuration)
        findings += try await transport(server, url)
      } catch {
        findings.append(Finding(subject, "PostgreSQL: \(error)", remedy: remedy(for: error)))
        findings += plainTransport(url)
      }
      await server.close()
    } catch {
      findings.append(Finding(subject, "PostgreSQL: \(error)", remedy: remedy(for: error)))
    }
    return findings
  }

  /// Whether anybody answers there.
  static func isReachable(_ configuration: PlatformConfiguration) async -> Bool {
    guard let url = configuration.postgresURL else { return false }
    do {
      _ = try await PostgresServer.hasDatabase(named: "postgres", url: url)
      return true
    } catch { return false }
  }

  /// What the settings of a database's own sessions say of what they acknowledge; nothing when it is well.
  static func durability(of database: any Database, called place: String) async throws -> [Finding] {
    guard database.dialect == .postgresql else { return [] }
    let setting: String? = try await database.rows("SELECT current_setting('synchronous_commit') AS value").first?
      .get("value")
    guard setting == "off" else { return [] }
    return [
      Finding(
        subject, "database \(place): synchronous_commit is off: what was acknowledged may be lost in a crash",
        remedy: "RESET synchronous_commit for the database and the role (ALTER DATABASE …, ALTER ROLE …)")
    ]
  }

  /// What to do about a database that cannot be used.
  static func remedy(for error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "read the message; `gravity migrate` may help" }
    switch error.engineCode {
    case "3D000": return "the database is missing: gravity migrate --create"
    case "28P01", "28000": return "the user or password of GRAVITY_POSTGRES_URL is wrong"
    case "42501": return "GRANT the role of GRAVITY_POSTGRES_URL what the message names, or make it the owner"
    case "53300":
      return "the server has no connection left: raise max_connections or lower GRAVITY_POSTGRES_CONNECTIONS"
    default:
      return error.code == .unavailable
        ? "check that the server runs and that GRAVITY_POSTGRES_URL names its host and port" : "read the message above"
    }
  }

  private static let subject = "postgresql"
  /// The oldest that is tested.
  private static let oldest = 150_000

  private static func open(_ url: String) throws -> PostgresDatabase {
    var configuration = PostgresDatabase.Configuration()
    configuration.maximumConnections = 1
    let telemetry = ServiceTelemetry(service: "doctor", level: .critical, output: LogOutput(format: .text))
    return try PostgresDatabase(
      url: url, configuration: configuration, logger: telemetry.logger("database"), metrics: telemetry.metrics)
  }

  private static func examine(
    _ server: any Database, _ configuration: PlatformConfiguration
  ) async throws -> [Finding] {
    let row = try await server.rows(
      """
      SELECT CAST(current_setting('server_version_num') AS bigint) AS number,
        current_setting('server_version') AS version, clock_timestamp() AS now, current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS pages, current_setting('synchronous_commit') AS synchronous,
        CAST(current_setting('max_connections') AS bigint)
          - CAST(current_setting('superuser_reserved_connections') AS bigint) AS connections,
        (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_create,
        CAST(current_user AS text) AS role
      """
    ).first
    guard let row else { throw DatabaseError(.other, "the server did not answer") }
    var findings = [version(try row.get("number"), try row.get("version"))]
    findings += clock(try row.get("now"))
    findings += weak(try row.get("fsync"), try row.get("pages"), try row.get("synchronous"))
    findings += try await rights(row, configuration)
    let connections: Int = try row.get("connections")
    // Each service's pool and the connection that listens beside it.
    let wanted = Migrate.schemas.count * (configuration.postgresConnections + 1)
    if wanted > connections {
      findings.append(
        Finding(
          subject, "PostgreSQL: the services may open \(wanted) connections, and the server allows \(connections)",
          remedy: "raise max_connections, or lower GRAVITY_POSTGRES_CONNECTIONS to "
            + "\(max(1, connections / Migrate.schemas.count - 1))"))
    }
    return findings
  }

  /// - Parameter number: `server_version_num`, such as 150012.
  static func version(_ number: Int, _ text: String) -> Finding {
    number < oldest
      ? Finding(
        subject, "PostgreSQL \(text) is older than 15, which is the oldest that is tested",
        remedy: "upgrade the server to 15 or later (pg_upgrade)")
      : Finding(subject, "PostgreSQL \(text): reachable")
  }

  /// Leases and deadlines are measured by the database's clock, tokens by the machine's.
  static func clock(_ time: Date, here: Date = Date()) -> [Finding] {
    let skew = time.timeIntervalSince(here)
    guard abs(skew) >= 5 else { return [] }
    return [
      Finding(
        subject, "PostgreSQL: its clock is \(Int(abs(skew))) s \(skew > 0 ? "ahead of" : "behind") this machine's",
        remedy: "run NTP on both machines")
    ]
  }

  private static func weak(_ fsync: String, _ pages: String, _ synchronous: String) -> [Finding] {
    let settings = [
      ("fsync", fsync, "a crash of the machine may destroy the database"),
      ("full_page_writes", pages, "a crash of the machine may leave torn pages"),
      ("synchronous_commit", synchronous, "what was acknowledged may be lost in a crash"),
    ]
    return settings.filter { $0.1 == "off" }.map { name, _, consequence in
      Finding(
        subject, "PostgreSQL: \(name) is off: \(consequence)",
        remedy: "ALTER SYSTEM SET \(name) = on; SELECT pg_reload_conf()")
    }
  }

  /// A role without the right to make databases is well once they are there.
  private static func rights(_ row: SQLRow, _ configuration: PlatformConfiguration) async throws -> [Finding] {
    guard try row.get("may_create", as: Bool?.self) != true, let url = configuration.postgresURL else { return [] }
    let names = Migrate.schemas.map { configuration.postgresPrefix + $0.database }
    var missing: [String] = []
    for name in names where try await !PostgresServer.hasDatabase(named: name, url: url) { missing.append(name) }
    if missing.isEmpty { return [] }
    let role: String = try row.get("role")
    return [
      Finding(
        subject,
        "PostgreSQL: the role \(role) may not make databases, and \(missing.joined(separator: ", ")) are missing",
        remedy: "ALTER ROLE \(role.quotedName) CREATEDB, or CREATE DATABASE … OWNER \(role.quotedName) for each")
    ]
  }

  // MARK: TLS

  private static func transport(_ server: any Database, _ url: String) async throws -> [Finding] {
    guard let host = ServerHost(url), !host.isLoopback else { return [] }
    let isEncrypted: Bool? = try await server.rows(
      "SELECT ssl AS is_encrypted FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    ).first?.get("is_encrypted")
    if isEncrypted != true { return plainTransport(url) }
    let mode = URLComponents(string: url)?.queryItems?.first { $0.name == "sslmode" }?.value ?? "prefer"
    guard !mode.hasPrefix("verify-") else { return [] }
    return [
      Finding(
        subject, "PostgreSQL: encrypted, but with sslmode=\(mode) whoever answers for \(host.name) is believed",
        remedy: "add sslmode=verify-full&sslrootcert=FILE to GRAVITY_POSTGRES_URL")
    ]
  }

  private static func plainTransport(_ url: String) -> [Finding] {
    guard let host = ServerHost(url), !host.isLoopback else { return [] }
    return [
      Finding(
        subject, "PostgreSQL: what goes to \(host.name) is not encrypted",
        remedy: "add sslmode=verify-full&sslrootcert=FILE to GRAVITY_POSTGRES_URL, and `ssl = on` at the server")
    ]
  }
}
