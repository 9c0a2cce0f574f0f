import DatabaseConformance
import Foundation
import GravityData
import PostgresEngine
import Testing

@Suite("PostgreSQL as a Database", .enabled(if: TestServer.url != nil, "GRAVITY_TEST_POSTGRES_URL is not set"))
struct PostgresConformanceTests {
  @Test("conforms", .timeLimit(.minutes(5)), arguments: ConformanceCase.all)
  func conforms(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: .postgres)
  }

  @Test("nothing acknowledged is lost to kill -9", arguments: [(1, 1), (150, 1), (1_000, 32)])
  func crash(_ acknowledged: Int, _ writers: Int) async throws {
    try await CrashTest.run(.postgres, killAfter: acknowledged, writers: writers)
  }
}

/// The server that `scripts/servers` has started.
enum TestServer {
  static let url = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_URL"]

  static func url(_ database: String, on server: String) -> String {
    var components = URLComponents(string: server)!
    components.path = "/" + database
    return components.string!
  }

  /// A fresh database of the server.
  static func place(on server: String) async throws -> EngineUnderTest.Place {
    let name = "test_\(UUID().uuidString.lowercased().replacing("-", with: "_"))"
    try await PostgresServer.createDatabase(named: name, url: server)
    return EngineUnderTest.Place(url: url(name, on: server)) {
      try? await PostgresServer.dropDatabase(named: name, url: server)
    }
  }
}

extension EngineUnderTest {
  static let postgres = EngineUnderTest(
    announcesFeeds: true,
    makePlace: { try await TestServer.place(on: TestServer.url!) },
    open: { url, bounds in
      var configuration = PostgresDatabase.Configuration()
      // Many cases run at once against one server.
      configuration.maximumConnections = min(bounds.connections, 5)
      configuration.maximumWaiting = bounds.maximumWaiting
      configuration.waitTimeout = bounds.waitTimeout
      configuration.statementTimeout = bounds.statementTimeout
      return try PostgresDatabase(url: url, configuration: configuration)
    })
}
