import Foundation
import GravityData
import TestServers
import Testing

/// Kills a process with SIGKILL while it writes, and looks for what it had been promised.
public enum CrashTest {
  /// - Parameters:
  ///   - acknowledged: how many writes the process has seen acknowledged when it is killed.
  ///   - writers: how many of its tasks write at once.
  public static func run(_ engine: EngineUnderTest, killAfter acknowledged: Int, writers: Int) async throws {
    try await engine.withPlace { place in
      let promised = try await kill(place.url, after: acknowledged, writers: writers)
      #expect(promised.count >= acknowledged)
      try await engine.withDatabase(at: place) { database in
        // Both in one statement: a server may still be committing what the process sent before it died.
        let rows = try await database.rows("SELECT n, 'a' AS side FROM crash_a UNION ALL SELECT n, 'b' FROM crash_b")
        let pairs = try rows.map { (try $0.get("n", as: Int.self), try $0.get("side", as: String.self)) }
        let found = Set(pairs.filter { $0.1 == "a" }.map(\.0))
        let partners = Set(pairs.filter { $0.1 == "b" }.map(\.0))
        #expect(promised.subtracting(found).isEmpty, "acknowledged, and lost")
        #expect(found == partners, "half of a transaction")
        // And it goes on.
        try await database.write { try $0.execute("INSERT INTO crash_a (n) VALUES (\(-1))") }
      }
    }
  }

  /// - Returns: the numbers that the process saw acknowledged.
  private static func kill(_ url: String, after limit: Int, writers: Int) async throws -> Set<Int> {
    let outcome = try await Program.run(
      product: "databasecrash", [url, "\(writers)"], killAfterLines: limit)
    let output = outcome.output
    #expect(outcome.end == .killed(SIGKILL))
    // A line that was cut was not promised.
    let whole = output.last == "\n" ? output[...] : output[..<(output.lastIndex(of: "\n") ?? output.startIndex)]
    return Set(whole.split(separator: "\n").compactMap { Int($0) })
  }
}
