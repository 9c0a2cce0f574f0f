import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct CommandTests {
  @Test("a minted token is let in with its permissions and nothing more")
  func minting() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let minted = try await PlatformProcess.run([
      "token", "mint", "--data-dir", platform.folder.path, "--sub", "script", "--permission", "roles:read", "--ttl",
      "1m",
    ])
    #expect(minted.code == 0, "\(minted.errors)")
    let token = minted.output.trimmingCharacters(in: .whitespacesAndNewlines)
    let script = Visitor(base: platform.gateway, token: token)
    #expect(try await script.get("/api/v1/auth/roles").status == 200)
    #expect(try await script.get("/api/v1/auth/accounts").status == 403)
    #expect(await platform.stop() == 0)
  }

  @Test("minting says what is wrong with what it was given")
  func mintingMistakes() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func mint(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
      try await PlatformProcess.run(["token", "mint", "--data-dir", folder] + arguments)
    }
    #expect(try await mint("--sub", "x", "--ttl", "2d").code == 64)
    #expect(try await mint("--sub", "x", "--permission", "all").code == 64)
    let noKeys = try await mint("--sub", "x")
    #expect(noKeys.code == 69)
    #expect(noKeys.errors.contains("start the platform there once"))
  }

  @Test("the list of settings says where each value came from and hides secrets")
  func settings() async throws {
    let listed = try await PlatformProcess.run(
      ["config", "--port-offset", "7"],
      environment: [
        "GRAVITY_LOG_LEVEL": "debug", "GRAVITY_MASTER_KEY": "c2VjcmV0",
        "GRAVITY_POSTGRES_URL": "postgres://u:hunter2@h/d",
      ])
    #expect(listed.code == 0)
    #expect(listed.output.contains("GRAVITY_PORT_OFFSET"))
    #expect(listed.output.contains("7  [command line]"))
    #expect(listed.output.contains("debug  [environment]"))
    #expect(listed.output.contains("0.0.0.0") == false)
    #expect(listed.output.contains("(secret)  [environment]"))
    #expect(listed.output.contains("hunter2") == false)
    #expect(listed.output.contains("c2VjcmV0") == false)
    let bad = try await PlatformProcess.run(["config"], environment: ["GRAVITY_LOG_LEVEL": "loud"])
    #expect(bad.code == 78)
    #expect(bad.errors.contains("GRAVITY_LOG_LEVEL (environment): \"loud\" is not one of trace"))
  }

  @Test("a configuration file is read, and a broken one ends the start with 78")
  func file() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data("{\"gravity\":{\"log\":{\"level\":\"error\"}}}".utf8).write(to: file)
    let listed = try await PlatformProcess.run(["config"], environment: ["GRAVITY_CONFIG": file.path])
    #expect(listed.output.contains("error  [file \(file.path)]"))
    try Data("{".utf8).write(to: file)
    #expect(try await PlatformProcess.run(["config"], environment: ["GRAVITY_CONFIG": file.path]).code == 78)
  }

  @Test("routes lists every endpoint with who may call it")
  func routes() async throws {
    let listed = try await PlatformProcess.run(["routes"])
    #expect(listed.code == 0)
    #expect(listed.output.contains("/api/v1/auth/login"))
    #expect(listed.output.contains("permission accounts:read"))
    #expect(listed.output.contains("services only"))
  }

  @Test("migrate brings a database up and then has nothing to do; doctor agrees", arguments: TestEngine.available)
  func migrating(engine: TestEngine) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let environment = engine.environment
    let offset = "\(PlatformProcess.freeOffset())"
    func gravity(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
      try await PlatformProcess.run(
        arguments + ["--data-dir", folder, "--port-offset", offset], environment: environment)
    }
    if engine == .postgresql {
      let missing = try await gravity("doctor")
      #expect(missing.code == 1)
      #expect(missing.output.contains("gravity migrate --create"), "\(missing.output)")
    }
    let first = try await gravity("migrate", "--create")
    #expect(first.code == 0, "\(first.errors)")
    #expect(first.output.contains("auth_db: applied 1 "))
    for database in ["user_db", "broker_db"] { #expect(first.output.contains("\(database): applied 1 ")) }
    #expect(
      try await gravity("migrate").output
        == ["auth", "user", "notif", "payment", "order", "product", "inventory", "broker"].map {
          "\($0)_db: up to date\n"
        }
        .joined())
    let doctor = try await gravity("doctor")
    #expect(doctor.output.contains("reachable, schema up to date"), "\(doctor.output)")
    #expect(doctor.code == 0, "\(doctor.output)")
  }

  @Test("no service of that name, a port that is none, a key that is none: a clear line and a code")
  func serveMistakes() async throws {
    #expect(try await PlatformProcess.run(["serve", "nothing"]).code == 64)
    #expect(try await PlatformProcess.run(["serve"]).code == 64)
    #expect(try await PlatformProcess.run(["serve", "auth", "--port", "70000"]).code == 64)
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let noKey = try await PlatformProcess.run(["serve", "auth", "--data-dir", folder])
    #expect(noKey.code == 78)
    #expect(noKey.errors.contains("GRAVITY_MASTER_KEY is not set"))
    let badKey = try await PlatformProcess.run(
      ["serve", "auth", "--data-dir", folder], environment: ["GRAVITY_MASTER_KEY": "short"])
    #expect(badKey.code == 78)
    #expect(badKey.errors.contains("short") == false)
    let registry = try await PlatformProcess.run(
      ["serve", "gateway", "--data-dir", folder],
      environment: ["GRAVITY_MASTER_KEY": String(repeating: "ab", count: 32), "GRAVITY_STATIC_REGISTRY": "auth"])
    #expect(registry.code == 78)
    #expect(registry.errors.contains("write NAME=HOST:PORT"))
  }
}
