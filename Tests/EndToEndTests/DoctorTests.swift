import Foundation
import GravityData
import PostgresEngine
import Testing

@testable import gravity

/// Each fault is made real, found with how to mend it, and gone when it is mended.
@Suite(.timeLimit(.minutes(4))) struct DoctorTests {
  private static func folder(in parent: String? = nil) -> String {
    let parent = parent.map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory
    return parent.appending(path: "gravity-doctor-\(UUID().uuidString)").path
  }

  private static func doctor(
    _ folder: String, _ environment: [String: String] = [:], _ arguments: String...
  ) async throws -> (code: Int32, output: String, errors: String) {
    try await PlatformProcess.run(
      ["doctor", "--data-dir", folder, "--port-offset", "\(PlatformProcess.freeOffset())"] + arguments,
      environment: environment)
  }

  // MARK: This machine

  @Test("a key that others may read, and a folder in memory, are told with how to mend them")
  func folders() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let key = folder + "/master.key"
    try Data(String(repeating: "5a", count: 32).utf8).write(to: URL(filePath: key))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: key)
    let open = try await Self.doctor(folder)
    #expect(open.code == 1)
    #expect(open.output.contains("has mode 640") && open.output.contains("→ chmod 600 \(key)"), "\(open.output)")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
    let closed = try await Self.doctor(folder)
    #expect(closed.code == 0, "\(closed.output)")
  }

  @Test(
    "a data folder in memory is told for SQLite, and no matter when the data are in a server",
    .enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm")))
  func memory() async throws {
    let folder = Self.folder(in: "/dev/shm")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let here = try await Self.doctor(folder)
    #expect(here.code == 1 && here.output.contains("in memory (tmpfs)"), "\(here.output)")
    let there = try await Self.doctor(folder, ["GRAVITY_POSTGRES_URL": "postgres://x@127.0.0.1:1/x"])
    #expect(!there.output.contains("in memory"))
  }

  @Test(
    "the file system of a folder is that of the nearest mount above it",
    arguments: [
      ("/", "ext4"), ("/data", "nfs4"), ("/data/x/y", "nfs4"), ("/database", "ext4"), ("/my disk/x", "cifs"),
      ("/data/local/x", "xfs"),
    ])
  func mounts(path: String, type: String) {
    let mounts = """
      /dev/vda / ext4 rw 0 0
      host:/d /data nfs4 rw 0 0
      /dev/vdb /data/local xfs rw 0 0
      //host/s /my\\040disk cifs rw 0 0
      """
    #expect(FolderFindings.fileSystemType(of: path, mounts) == type)
  }

  @Test("settings for one's own machine are told where others come")
  func exposure() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let settings = ["GRAVITY_AUTH_BCRYPT_COST": "8"]
    let told = try await Self.doctor(folder, settings, "--host", "0.0.0.0")
    #expect(told.output.contains("GRAVITY_ISSUER is http://127.0.0.1:8000"), "\(told.output)")
    #expect(told.output.contains("GRAVITY_AUTH_BCRYPT_COST is 8"))
    let well = try await Self.doctor(
      folder, ["GRAVITY_AUTH_BCRYPT_COST": "12", "GRAVITY_ISSUER": "https://api.example.com"], "--host", "0.0.0.0")
    #expect(well.code == 0, "\(well.output)")
  }

  @Test("for programs there is one object, with the same findings and the same exit code")
  func json() async throws {
    struct List: Decodable {
      struct Item: Decodable { var subject: String, what: String, remedy: String? }
      var well: Bool
      var findings: [Item]
    }
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let well = try await Self.doctor(folder, [:], "--json")
    let list = try JSONDecoder().decode(List.self, from: Data(well.output.utf8))
    #expect(list.well && well.code == 0 && list.findings.contains { $0.subject == "port" })
    let ill = try await Self.doctor(folder, ["GRAVITY_AMQP_URL": "amqp://127.0.0.1:1/"], "--json")
    let faults = try JSONDecoder().decode(List.self, from: Data(ill.output.utf8))
    #expect(!faults.well && ill.code == 1)
    #expect(faults.findings.filter { $0.remedy != nil }.map(\.subject) == ["rabbitmq"])
  }

  // MARK: PostgreSQL

  @Test("a PostgreSQL that is not there is told once, not for each database")
  func unreachable() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let told = try await Self.doctor(folder, ["GRAVITY_POSTGRES_URL": "postgres://x:secret@127.0.0.1:1/x"])
    #expect(told.code == 1)
    #expect(told.output.contains("1 thing to mend"), "\(told.output)")
    #expect(told.output.contains("check that the server runs"))
    #expect(!told.output.contains("secret"))
  }

  @Test("a server that may forget, a role without rights, too few connections: each is told, and gone once mended")
  func server() async throws {
    guard ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_BIN"] != nil else { return }
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await PrivateServers.with(.postgres) { server in
      try await server.psql(
        "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()",
        "CREATE ROLE app LOGIN", "ALTER ROLE app SET synchronous_commit = off")
      let url = server.url.replacing("gravity@", with: "app@")
      let environment = ["GRAVITY_POSTGRES_URL": url, "GRAVITY_POSTGRES_CONNECTIONS": "100"]
      let ill = try await Self.doctor(folder, environment)
      #expect(ill.code == 1)
      for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        #expect(ill.output.contains("\(setting) is off"), "\(ill.output)")
        #expect(ill.output.contains("ALTER SYSTEM SET \(setting) = on"))
      }
      #expect(ill.output.contains("the role app may not make databases"), "\(ill.output)")
      #expect(ill.output.contains("ALTER ROLE \"app\" CREATEDB"))
      #expect(ill.output.contains("the services may open 808 connections"), "\(ill.output)")
      let refused = try await PlatformProcess.run(
        ["migrate", "--create", "--data-dir", folder], environment: environment)
      #expect(refused.code != 0)

      try await server.psql(
        "ALTER SYSTEM RESET fsync", "ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()",
        "ALTER ROLE app RESET synchronous_commit", "ALTER ROLE app CREATEDB")
      let mended = ["GRAVITY_POSTGRES_URL": url]
      let missing = try await Self.doctor(folder, mended)
      #expect(missing.output.contains("→ gravity migrate --create"), "\(missing.output)")
      #expect(!missing.output.contains("is off"))
      let made = try await PlatformProcess.run(["migrate", "--create", "--data-dir", folder], environment: mended)
      #expect(made.code == 0, "\(made.errors)")
      let well = try await Self.doctor(folder, mended)
      #expect(well.code == 0, "\(well.output)")

      // Of one database only; and a right that is not needed any more.
      try await server.psql(
        "ALTER ROLE app NOCREATEDB", "ALTER DATABASE order_db SET synchronous_commit = off")
      let one = try await Self.doctor(folder, mended)
      #expect(one.output.contains("order_db: synchronous_commit is off"), "\(one.output)")
      #expect(one.output.contains("1 thing to mend"), "\(one.output)")
    }
  }

  @Test("a migration that is missing, and one that was changed, are told", .enabled(if: TestEngine.server != nil))
  func schema() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let environment = TestEngine.postgresql.environment
    let made = try await PlatformProcess.run(["migrate", "--create", "--data-dir", folder], environment: environment)
    #expect(made.code == 0, "\(made.errors)")
    let orders = try MoveSource.server("order_db", environment)
    try await orders.write { _ = try $0.execute("DELETE FROM gravity_migrations WHERE number = 6") }
    let old = try await Self.doctor(folder, environment)
    #expect(old.output.contains("1 migration to apply, the first is 6 who is erased"), "\(old.output)")
    #expect(old.output.contains("→ gravity migrate\n"))
    try await orders.write { _ = try $0.execute("UPDATE gravity_migrations SET checksum = 'x' WHERE number = 1") }
    let changed = try await Self.doctor(folder, environment)
    #expect(changed.output.contains("migration 1 (idempotency) was changed"), "\(changed.output)")
    await orders.close()
  }

  @Test("what goes to another machine without TLS is told", .enabled(if: TestEngine.server != nil))
  func transport() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let server = try #require(URLComponents(string: TestEngine.server ?? ""))
    // libpq connects to `hostaddr`; the name is what is believed.
    let url = "postgres://gravity@db.example.com:\(server.port ?? 0)/postgres?hostaddr=127.0.0.1"
    let told = try await Self.doctor(folder, ["GRAVITY_POSTGRES_URL": url, "GRAVITY_POSTGRES_PREFIX": "no_tls_"])
    #expect(told.output.contains("what goes to db.example.com is not encrypted"), "\(told.output)")
    #expect(told.output.contains("sslmode=verify-full"))
  }

  @Test("a version that is too old and a clock that is off are told")
  func versionAndClock() {
    #expect(PostgresFindings.version(140_012, "14.12").remedy?.contains("15 or later") == true)
    #expect(PostgresFindings.version(150_000, "15.0").isWell)
    let now = Date()
    #expect(PostgresFindings.clock(now.addingTimeInterval(4), here: now).isEmpty)
    #expect(PostgresFindings.clock(now.addingTimeInterval(-9), here: now).first?.what.contains("9 s behind") == true)
    for (version, isOld) in [("3.9.27", true), ("3.10.8", false), ("4.0.1", false), ("3.8", true)] {
      #expect(RabbitMQFindings.isOld(version) == isOld)
    }
  }

  // MARK: RabbitMQ

  @Test("a RabbitMQ that takes events, one that refuses the login, the virtual host, exchanges or queues")
  func rabbit() async throws {
    guard ProcessInfo.processInfo.environment["GRAVITY_TEST_RABBITMQ_BIN"] != nil else { return }
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await PrivateServers.with(.rabbitmq) { server in
      let place = server.url.replacing("amqp://guest:guest@", with: "")
      func told(_ user: String, _ path: String = "") async throws -> String {
        try await Self.doctor(folder, ["GRAVITY_AMQP_URL": "amqp://\(user)@\(place)\(path)"]).output
      }
      let well = try await Self.doctor(folder, ["GRAVITY_AMQP_URL": server.url])
      #expect(well.code == 0 && well.output.contains("takes events"), "\(well.output)")
      #expect(well.output.contains("✓ RabbitMQ 3."), "\(well.output)")

      let login = try await told("guest:wrong")
      #expect(login.contains("check user, password and virtual host") && !login.contains("wrong"), "\(login)")
      #expect(try await told("guest:guest", "nowhere").contains("check user, password and virtual host"))

      try await server.rabbitmqctl("add_user", "app", "app")
      try await server.rabbitmqctl("set_permissions", "-p", "/", "app", "^$", ".*", ".*")
      let exchanges = try await told("app:app")
      #expect(exchanges.contains("gravity.events") && exchanges.contains("set_permissions"), "\(exchanges)")
      try await server.rabbitmqctl(
        "set_permissions", "-p", "/", "app", "^gravity\\.(events|announcements)$", ".*", ".*")
      let queues = try await told("app:app")
      #expect(queues.contains("gravity.doctor") && queues.contains("set_permissions"), "\(queues)")
      try await server.rabbitmqctl("set_permissions", "-p", "/", "app", ".*", ".*", ".*")
      #expect(try await told("app:app").contains("takes events"))
    }
  }

  @Test("guest, and plain text, over the network are told")
  func rabbitExposure() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let told = try await Self.doctor(folder, ["GRAVITY_AMQP_URL": "amqp://broker.invalid:5672/"])
    #expect(told.output.contains("the user guest"), "\(told.output)")
    #expect(told.output.contains("what goes to broker.invalid is not encrypted"))
    let own = try await Self.doctor(folder, ["GRAVITY_AMQP_URL": "amqps://app:secret@broker.invalid/"])
    #expect(!own.output.contains("the user guest") && !own.output.contains("not encrypted"), "\(own.output)")
    #expect(!own.output.contains("secret"))
  }
}
