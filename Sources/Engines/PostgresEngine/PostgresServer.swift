import Foundation
import GravityData

/// What is asked of a server rather than of a database.
public enum PostgresServer {
  /// Makes the database unless there is one: UTF-8, from `template0`. Several may ask at once.
  ///
  /// - Parameters:
  ///   - name: of the database; any text that PostgreSQL takes for a name.
  ///   - url: of the server, with a database that exists already (`postgres`), and a role that may make databases.
  /// - Throws: ``DatabaseError``: `unavailable`, or what the server refuses with (42501: the role may not).
  public static func createDatabase(named name: String, url: String) async throws {
    try await ask(url) { wire throws(DatabaseError) in try create(name, on: wire) }
  }

  /// Whether the server has a database of that name. A connection to one that is missing would be tried again and again
  /// until its time is up; this answers at once.
  ///
  /// - Throws: ``DatabaseError``.
  public static func hasDatabase(named name: String, url: String) async throws -> Bool {
    try await ask(url) { wire throws(DatabaseError) in
      try !answer(wire, "SELECT 1 FROM pg_database WHERE datname = $1", [.text(name)]).rows().isEmpty
    }
  }

  /// Deletes the database, also while somebody is connected; nothing when there is none.
  public static func dropDatabase(named name: String, url: String) async throws {
    try await ask(url) { wire throws(DatabaseError) in
      _ = try answer(wire, "DROP DATABASE IF EXISTS \(name.quotedIdentifier) WITH (FORCE)")
    }
  }

  private static func create(_ name: String, on wire: PostgresWire) throws(DatabaseError) {
    let found = try answer(wire, "SELECT 1 FROM pg_database WHERE datname = $1", [.text(name)])
    guard try found.rows().isEmpty else { return }
    do {
      _ = try answer(wire, "CREATE DATABASE \(name.quotedIdentifier) TEMPLATE template0 ENCODING 'UTF8'")
    } catch {
      // Unless somebody else was faster: "duplicate database", or the catalogue's own index.
      guard error.engineCode == "42P04" || error.code == .uniqueViolation else { throw error }
    }
  }

  /// On a thread of its own, since connecting blocks.
  private static func ask<T: Sendable>(
    _ url: String, _ body: @escaping @Sendable (PostgresWire) throws(DatabaseError) -> T
  ) async throws -> T {
    let parameters = try ConnectionParameters(url)
    return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
      Thread { continuation.resume(with: Result { try body(PostgresWire(parameters, timeout: .seconds(5))) }) }.start()
    }
  }

  private static func answer(
    _ wire: PostgresWire, _ text: String, _ values: [SQLValue] = []
  ) throws(DatabaseError) -> PostgresResult {
    let outcome = try wire.exchange([.query(text: text, values: values)], timeout: Duration.seconds(60).nanoseconds)
    if let error = outcome.error { throw error }
    guard let result = outcome.results.first else { throw DatabaseError(.unavailable, "the server did not answer") }
    return result
  }
}
