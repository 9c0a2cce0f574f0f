/// A statement with its values bound, never pasted: `"SELECT … WHERE id = \(id)"`.
///
/// Write in the subset that both engines take: `ON CONFLICT`, `RETURNING`, partial indexes; ids and times made by the
/// application; columns qualified inside `DO UPDATE`; `CREATE TABLE` through ``table(_:_:)``.
public struct SQL: Sendable, Hashable, ExpressibleByStringInterpolation {
  enum Part: Sendable, Hashable {
    case literal(String)
    case value(SQLValue)
    case type(SQLType)
    case sqliteOnly(String)
    case postgresOnly(String)
  }
  let parts: [Part]

  public init(stringLiteral value: String) { parts = [.literal(value)] }
  public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }
  private init(parts: [Part]) { self.parts = parts }

  /// `CREATE TABLE`, strict about types on SQLite as PostgreSQL is by itself.
  public static func table(_ name: SQL, _ columns: SQL) -> SQL {
    "CREATE TABLE \(name) (\(columns))\(SQL(parts: [.sqliteOnly(" STRICT")]))"
  }

  /// Text that only one engine is to see, where they truly differ.
  public static func only(_ dialect: SQLDialect, _ text: String) -> SQL {
    SQL(parts: [dialect == .sqlite ? .sqliteOnly(text) : .postgresOnly(text)])
  }

  /// The text with `$1`, `$2`, … where values go, in their order, and the values.
  public func rendered(in dialect: SQLDialect) -> (text: String, values: [SQLValue]) {
    var text = ""
    var values: [SQLValue] = []
    for part in parts {
      switch part {
      case .literal(let literal): text += literal
      case .value(let value):
        values.append(value)
        text += "$\(values.count)"
      case .type(let type): text += type.rendered(in: dialect)
      case .sqliteOnly(let literal): if dialect == .sqlite { text += literal }
      case .postgresOnly(let literal): if dialect == .postgresql { text += literal }
      }
    }
    return (text, values)
  }

  public static func + (left: SQL, right: SQL) -> SQL { SQL(parts: left.parts + right.parts) }

  public struct StringInterpolation: StringInterpolationProtocol {
    var parts: [Part] = []

    public init(literalCapacity: Int, interpolationCount: Int) { parts.reserveCapacity(interpolationCount * 2 + 1) }
    public mutating func appendLiteral(_ literal: String) { if !literal.isEmpty { parts.append(.literal(literal)) } }

    public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value) {
      parts.append(.value(value.sqlValue))
    }
    public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) {
      parts.append(.value(value?.sqlValue ?? .null(Value.sqlType)))
    }
    /// `WHERE id IN \(list: ids)`; an empty list matches nothing.
    public mutating func appendInterpolation<Value: SQLBindable>(list: [Value]) {
      parts.append(.literal("("))
      if list.isEmpty { parts.append(.literal("NULL")) }
      for (index, value) in list.enumerated() {
        if index > 0 { parts.append(.literal(", ")) }
        parts.append(.value(value.sqlValue))
      }
      parts.append(.literal(")"))
    }
    /// A piece of SQL with values of its own.
    public mutating func appendInterpolation(_ fragment: SQL) { parts += fragment.parts }
    /// A column type: `id \(type: .uuid) PRIMARY KEY`.
    public mutating func appendInterpolation(type: SQLType) { parts.append(.type(type)) }
  }
}
