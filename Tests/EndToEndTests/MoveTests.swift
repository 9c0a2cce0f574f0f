import Foundation
import GravityData
import NIOHTTP1
import PostgresEngine
import SQLiteEngine
import Testing

/// `gravity move` as an operator uses it, with a platform before and after it.
@Suite(.timeLimit(.minutes(6)), .enabled(if: TestEngine.server != nil)) struct MoveTests {
  private static func move(
    _ arguments: String..., on server: [String: String], fault: String? = nil
  ) async throws -> (code: Int32, output: String, errors: String) {
    var environment = server
    environment["GRAVITY_POSTGRES_URL"] = nil
    environment["GRAVITY_FAULT"] = fault
    return try await PlatformProcess.run(["move"] + arguments, environment: environment)
  }

  private static func folder() -> String {
    FileManager.default.temporaryDirectory.appending(path: "gravity-move-\(UUID().uuidString)").path
  }

  /// A source of this version with a few hundred rows that somebody might have.
  private static func filledFolder() async throws -> String {
    let folder = folder()
    let made = try await PlatformProcess.run(["migrate", "--data-dir", folder])
    #expect(made.code == 0, "\(made.errors)")
    try await MoveSource.fill(folder, rows: 300)
    return folder
  }

  // MARK: A platform's life

  @Test(
    "a platform goes on where it was on PostgreSQL, and back on SQLite: orders, ledger, passwords, a saga under way")
  func thereAndBack() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let shop = try await MovedShop.open(at: platform)

    let early = try await Self.move("--from", platform.folder.path, "--to", url, on: server)
    #expect(early.code == 69 && early.errors.contains("another gravity uses"), "\(early.errors)")
    #expect(await platform.stop() == 0)

    let there = try await Self.move("--from", platform.folder.path, "--to", url, on: server)
    #expect(there.code == 0, "\(there.output)\(there.errors)")
    #expect(there.output.contains("tables are equal"))
    #expect(there.output.contains("master.key"))
    #expect(!(there.output + there.errors).contains("DIFFERS"))
    try await platform.start(environment: server)
    try await shop.check(at: platform, newOrderOf: 1)
    try await shop.finishChallenge(at: platform)
    #expect(await platform.stop() == 0)

    let home = platform.folder.path + "-back"
    defer { try? FileManager.default.removeItem(atPath: home) }
    let back = try await Self.move("--from", url, "--to", home, on: server)
    #expect(back.code == 0, "\(back.output)\(back.errors)")
    #expect(back.output.contains("BEFORE the first start"))
    try FileManager.default.copyItem(atPath: platform.folder.path + "/master.key", toPath: home + "/master.key")
    try await platform.start(arguments: ["--data-dir", home])
    try await shop.check(at: platform, newOrderOf: 1)
    #expect(await platform.stop() == 0)
  }

  // MARK: Bad days

  @Test("a move that is killed anywhere goes on where it was, and nothing serves its target before")
  func killed() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let folder = try await Self.filledFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let home = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: home) }
    let points = ["move.prepared@3", "move.page@1", "move.page@7", "move.table@9", "move.page@4", "move.finished@2"]
    for (from, to, isServer) in [(folder, url, true), (url, home, false)] {
      for point in points {
        let killed = try await Self.move("--from", from, "--to", to, "--batch", "40", on: server, fault: point)
        #expect(killed.code == -SIGKILL, "\(point): \(killed.code) \(killed.errors)")
        // Auth's database is the first to be marked and to be finished.
        let service = point.hasPrefix("move.prepared") ? "auth" : "inventory"
        let served = try await PlatformProcess.run(
          [
            "serve", service, "--data-dir", isServer ? folder : to, "--port-offset", "\(PlatformProcess.freeOffset())",
          ],
          environment: (isServer ? server : [:]).merging(SeparateProcessesTests.masterKey) { $1 })
        #expect(served.code == 69, "\(point): \(served.errors)")
        #expect(served.errors.contains("half of what a move brings"), "\(served.errors)")
      }
      let finished = try await Self.move("--from", from, "--to", to, "--batch", "40", on: server)
      #expect(finished.code == 0, "\(finished.output)\(finished.errors)")
      let verified = try await Self.move("--from", from, "--to", to, "--verify-only", on: server)
      #expect(
        verified.code == 0 && verified.output.contains("tables are equal"), "\(verified.output)\(verified.errors)")
    }
  }

  @Test("a row of the target that was changed, one that is missing and one too many are found, with table and key")
  func damaged() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let folder = try await Self.filledFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let moved = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(moved.code == 0, "\(moved.output)\(moved.errors)")
    let users = try MoveSource.server("user_db", server)
    try await users.write { transaction in
      try transaction.execute("UPDATE preferences SET value = CAST('{\"a\": 2}' AS jsonb) WHERE namespace = 'n000'")
      try transaction.execute("DELETE FROM user_terms WHERE term = 't001'")
      try transaction.execute("INSERT INTO leases (name, owner, token, expires_at) VALUES ('new', 'o', 1, now())")
    }
    await users.close()
    let verified = try await Self.move("--from", folder, "--to", url, "--verify-only", on: server)
    #expect(verified.code == 1)
    #expect(verified.output.contains("3 of "), "\(verified.output)")
    #expect(verified.output.contains("value of user_id="), "\(verified.output)")
    #expect(verified.output.contains("DIFFERS: term=t001"), "\(verified.output)")
    #expect(verified.output.contains("only in the target: name=new"), "\(verified.output)")
  }

  // MARK: Refusals

  @Test("a target with rows, one of another platform, a source of another version: refused, and nothing is written")
  func refused() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let folder = try await Self.filledFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // A target that was migrated and never used is empty, though migrations put rows there.
    let made = try await PlatformProcess.run(["migrate", "--create", "--data-dir", folder], environment: server)
    #expect(made.code == 0, "\(made.errors)")
    let auth = try MoveSource.server("auth_db", server)
    try await auth.write {
      _ = try $0.execute("INSERT INTO account_roles (account_id, role) VALUES (\(UUID()), 'user')")
    }
    let busy = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(busy.code == 69 && busy.errors.contains("is in use by gravity"), "\(busy.errors)")
    await auth.close()
    let occupied = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(occupied.code == 73 && occupied.errors.contains("account_roles has 1 row"), "\(occupied.errors)")

    let orders = try MoveSource.file("order_db", folder)
    try await orders.write { _ = try $0.execute("DELETE FROM gravity_migrations WHERE number = 6") }
    let old = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(
      old.code == 69 && old.errors.contains("it lacks 6 who is erased") && old.errors.contains("gravity migrate"),
      "\(old.errors)")
    try await orders.write { transaction in
      try transaction.execute(
        """
        INSERT INTO gravity_migrations (number, name, checksum, applied_at) VALUES (6, 'who is erased', 'another', 0)
        """)
    }
    await orders.close()
    let changed = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(
      changed.code == 70 && changed.errors.contains("migration 6 (who is erased) was changed"), "\(changed.errors)")

    #expect(try await Self.move("--from", folder, "--to", folder + "2", on: server).code == 64)
    #expect(try await Self.move("--from", url, "--to", url, on: server).code == 64)
    let nowhere = try await Self.move("--from", Self.folder(), "--to", url, on: server)
    #expect(nowhere.code == 69 && nowhere.errors.contains("there is no folder"), "\(nowhere.errors)")
    #expect(!(nowhere.output + occupied.errors + busy.errors).contains("password"))
  }

  @Test("a rehearsal tells what would be moved, and makes nothing")
  func rehearsal() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let folder = try await Self.filledFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let told = try await Self.move("--from", folder, "--to", url, "--dry-run", on: server)
    #expect(told.code == 0, "\(told.output)\(told.errors)")
    #expect(told.output.contains("Nothing was written"))
    #expect(told.output.contains("preferences"))
    let prefix = try #require(server["GRAVITY_POSTGRES_PREFIX"])
    #expect(try await !PostgresServer.hasDatabase(named: prefix + "user_db", url: url))
  }

  @Test("a source that was used in the middle of a move is noticed, and --start-over moves it as it is now")
  func startOver() async throws {
    let server = TestEngine.postgresql.environment
    let url = try #require(TestEngine.server)
    let folder = try await Self.filledFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let killed = try await Self.move(
      "--from", folder, "--to", url, "--batch", "100", on: server, fault: "move.finished@1")
    #expect(killed.code == -SIGKILL)
    let users = try MoveSource.file("user_db", folder)
    try await users.write { _ = try $0.execute("DELETE FROM preferences WHERE namespace = 'n000'") }
    await users.close()
    let different = try await Self.move("--from", folder, "--to", url, on: server)
    #expect(different.code == 1)
    #expect(different.output.contains("only in the target") || different.output.contains("in the target"))
    #expect(different.output.contains("--start-over"))
    let anew = try await Self.move("--from", folder, "--to", url, "--start-over", on: server)
    #expect(anew.code == 0, "\(anew.output)\(anew.errors)")
    let again = try await Self.move("--from", folder, "--to", url, "--start-over", on: server)
    #expect(again.code == 73 && again.errors.contains("the move is finished"), "\(again.errors)")
  }
}
