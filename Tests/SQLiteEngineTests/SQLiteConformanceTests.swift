import DatabaseConformance
import Foundation
import GravityData
import SQLiteEngine
import Testing

@Suite("SQLite as a Database")
struct SQLiteConformanceTests {
  @Test("conforms", .timeLimit(.minutes(5)), arguments: ConformanceCase.all)
  func conforms(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: .sqlite)
  }

  @Test("nothing acknowledged is lost to kill -9", arguments: [(1, 1), (150, 1), (40, 32), (1_000, 32), (4_000, 200)])
  func crash(_ acknowledged: Int, _ writers: Int) async throws {
    try await CrashTest.run(.sqlite, killAfter: acknowledged, writers: writers)
  }
}

extension EngineUnderTest {
  static let sqlite = EngineUnderTest(
    announcesFeeds: false,
    makePlace: {
      let folder = try Folder()
      return Place(url: folder.file("test.sqlite")) { folder.remove() }
    },
    open: { path, bounds in
      var configuration = SQLiteDatabase.Configuration()
      configuration.readers = max(2, bounds.connections)
      configuration.maximumWaiting = bounds.maximumWaiting
      configuration.waitTimeout = bounds.waitTimeout
      configuration.statementTimeout = bounds.statementTimeout
      return try SQLiteDatabase(path: path, configuration: configuration)
    })
}

/// A folder that a test has for itself.
struct Folder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "gravity-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func file(_ name: String) -> String { url.appending(path: name).path(percentEncoded: false) }
  func remove() { try? FileManager.default.removeItem(at: url) }
}
