import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3))) struct BadDayTests {
  @Test("accounts that were acknowledged survive kill -9 of the platform in mid-write", arguments: TestEngine.available)
  func killed(engine: TestEngine) async throws {
    let environment = engine.environment
    let platform = try await PlatformProcess.up(environment: environment)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    // Eight clients register until the platform is killed under them, once twenty are in.
    let acknowledged = await withTaskGroup(of: [String].self) { group in
      let counter = Counter()
      for client in 0..<8 {
        group.addTask {
          var mine: [String] = []
          for number in 0..<200 {
            let email = "c\(client)-\(number)@example.com"
            let reply = try? await visitor.send(
              "POST", "/api/v1/auth/register", ["email": email, "password": "quiet-orange-window-7", "name": "x"])
            guard reply?.status == 201 else { break }
            mine.append(email)
            if counter.next() == 20 {
              if let worker = platform.worker { kill(worker, SIGKILL) }
              kill(platform.pid, SIGKILL)
            }
          }
          return mine
        }
      }
      return await group.reduce(into: [String]()) { $0 += $1 }
    }
    await platform.stop(SIGKILL)
    #expect(acknowledged.count >= 20)
    try await platform.start(environment: environment)
    for email in acknowledged {
      let again = try await visitor.send(
        "POST", "/api/v1/auth/login", ["email": email, "password": "quiet-orange-window-7"])
      #expect(again.status == 200, "\(email)")
    }
    #expect(await platform.stop() == 0)
  }

  @Test("a worker that dies is started again, and says so")
  func restarted() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let first = try #require(platform.worker)
    let mark = platform.mark()
    kill(first, SIGKILL)
    try await platform.waitForLine("is ready", after: mark)
    #expect(platform.output.contains("was killed by signal 9; it starts again"))
    #expect(platform.worker != first)
    #expect(try await Visitor(base: platform.gateway).get("/health/live").status == 200)
    #expect(await platform.stop() == 0)
  }

  @Test("a second platform on the same folder, a port in use, a folder that cannot be written: one line and a code")
  func startFailures() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let offset = "\(platform.portOffset)"
    let same = try await PlatformProcess.run(["up", "--data-dir", platform.folder.path, "--port-offset", offset])
    #expect(same.code == 69)
    #expect(same.errors.contains("another gravity uses"))
    let other = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: other) }
    let port = try await PlatformProcess.run(["up", "--data-dir", other.path, "--port-offset", offset])
    #expect(port.code == 69)
    #expect(port.errors.contains("is in use by another program"))
    #expect(port.errors.split(separator: "\n").filter { $0.hasPrefix("gravity:") }.count == 1)
    let folder = try await PlatformProcess.run(["up", "--data-dir", "/proc/nothing"])
    #expect(folder.code == 73)
    let value = try await PlatformProcess.run(["up", "--port-offset", "many"])
    #expect(value.code == 78)
    #expect(value.errors.contains("GRAVITY_PORT_OFFSET"))
    let unknown = try await PlatformProcess.run(["up", "--only", "nothing"])
    #expect(unknown.code == 64)
    let database = try await PlatformProcess.run(
      ["up", "--data-dir", other.path, "--port-offset", "\(platform.portOffset + 5)"],
      environment: ["GRAVITY_POSTGRES_URL": "postgres://127.0.0.1:1/x"])
    #expect(database.code == 69)
    #expect(database.errors.contains("database cannot be reached"))
    #expect(await platform.stop() == 0)
  }

  @Test("the first administrator's password is shown although the rest of the start failed")
  func administratorIsNotLost() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let generated = try await PlatformProcess.run(
      ["up", "--data-dir", folder.path, "--port-offset", "\(platform.portOffset)"], without: ["GRAVITY_ADMIN_PASSWORD"])
    #expect(generated.code == 69)
    #expect(generated.output.contains("shown this once"))
    #expect(await platform.stop() == 0)
  }

  @Test("SIGTERM lets a request in flight finish")
  func drain() async throws {
    let platform = try await PlatformProcess.up(environment: ["GRAVITY_AUTH_BCRYPT_COST": "12"])
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    // At cost 12 a registration takes a fifth of a second or more: it is under way when the signal comes.
    async let reply = visitor.send(
      "POST", "/api/v1/auth/register",
      ["email": "late@example.com", "password": "quiet-orange-window-7", "name": "x"])
    try await platform.waitForRequest()
    let code = await platform.stop()
    #expect(try await reply.status == 201)
    #expect(code == 0)
  }
}

private final class Counter: Sendable {
  private let value = Mutex(0)
  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}
