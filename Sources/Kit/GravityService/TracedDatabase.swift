public import GravityData
import GravityTelemetry
import ServiceContextModule

/// A database whose write transactions are seen in traces that are sampled: the wait for a connection, every try and
/// the commit together. What they do is not: statements may tell of people.
public struct TracedDatabase: Database {
  private let database: any Database
  private let name: String

  /// - Parameter name: `auth_db`.
  public init(_ database: any Database, name: String) {
    self.database = database
    self.name = name
  }

  public var dialect: SQLDialect { database.dialect }

  public func rows(_ sql: SQL) async throws -> [SQLRow] { try await database.rows(sql) }

  public func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await database.read(body)
  }

  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    guard let parent = ServiceContext.current?.span, parent.isSampled else { return try await database.write(body) }
    let span = parent.child("write \(name)", kind: .client)
    defer { span.end() }
    span.set("db.system.name", database.dialect == .sqlite ? "sqlite" : "postgresql")
    span.set("db.namespace", .string(name))
    span.set("db.operation.name", "write")
    do {
      return try await database.write(body)
    } catch let error as DatabaseError {
      span.fail("\(error.code)")
      throw error
    } catch {
      // A rule of the business has said no, and nothing was written.
      span.set("gravity.db.outcome", "rolled_back")
      throw error
    }
  }

  public func notifications(on channel: String) -> AsyncStream<String> { database.notifications(on: channel) }

  public func close() async { await database.close() }
}
