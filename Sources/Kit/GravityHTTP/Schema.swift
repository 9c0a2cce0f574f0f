public import GravityContracts
import Foundation

/// The JSON schema of a `Decodable` type, found by decoding it from nothing and noting what it asks for.
///
/// It sees names, types, optionals, arrays, dictionaries, nested types and `CaseIterable` enums. A type whose decoding
/// checks its value, or whose shape depends on it, describes itself by ``SchemaDescribing``. A type that the probe
/// cannot walk is ``unknown`` and fails the test that every service runs, since fields after it would be lost.
public indirect enum Schema: Sendable, Equatable {
  case string(format: String? = nil, values: [String]? = nil)
  case integer(bits: Int)
  case number, boolean
  /// Anything; the type says so itself.
  case any
  case unknown(String)
  case array(Schema)
  case dictionary(Schema)
  case object([Field], name: String)
  case nullable(Schema)
  case bounded(Schema, FieldBounds)

  public struct Field: Sendable, Equatable {
    public var name: String
    public var schema: Schema
    public var isRequired: Bool
    /// Whether null may stand for it where it may be left out.
    public var takesNull: Bool
    public init(name: String, schema: Schema, isRequired: Bool, takesNull: Bool = true) {
      self.name = name
      self.schema = schema
      self.isRequired = isRequired
      self.takesNull = takesNull
    }
  }

  public init<T: Decodable>(of type: T.Type) { self = SchemaProbe.value(of: type, open: []).schema }

  /// The types inside that could not be walked.
  public var unknowns: [String] {
    switch self {
    case .unknown(let type): [type]
    case .array(let inner), .dictionary(let inner), .nullable(let inner), .bounded(let inner, _): inner.unknowns
    case .object(let fields, _): fields.flatMap(\.schema.unknowns)
    default: []
    }
  }
}

extension Schema {
  func bounded(by bounds: FieldBounds) -> Schema {
    if case .nullable(let inner) = self { .nullable(.bounded(inner, bounds)) } else { .bounded(self, bounds) }
  }

  /// With what the type declares of its fields. A bound of a field that is not there is as unknown as a type.
  func bounded(by type: any FieldBounded.Type) -> Schema {
    guard case .object(var fields, let name) = self else { return .unknown("\(type): bounds of no object") }
    let strangers = Set(type.bounds.keys).union(type.neverNull).subtracting(fields.map(\.name))
    guard strangers.isEmpty else { return .unknown("\(type): no field \(strangers.sorted())") }
    for index in fields.indices {
      let field = fields[index].name
      if type.neverNull.contains(field) {
        fields[index].takesNull = false
        if case .nullable(let inner) = fields[index].schema { fields[index].schema = inner }
      }
      if let bounds = type.bounds[field] { fields[index].schema = fields[index].schema.bounded(by: bounds) }
    }
    return .object(fields, name: name)
  }
}

/// A type that tells its own schema, because a probe cannot find it out.
public protocol SchemaDescribing {
  static var schema: Schema { get }
  /// Something that a probe can go on with, so that it sees the fields that follow.
  static var example: Self { get }
}

extension Currency: SchemaDescribing {
  public static var schema: Schema { .string(format: "iso-4217") }
  public static var example: Currency { all[0] }
}
extension Cursor: SchemaDescribing {
  public static var schema: Schema { .string(format: "cursor") }
  public static var example: Cursor { Cursor([""]) }
}
extension Permission: SchemaDescribing {
  public static var schema: Schema { .bounded(.string(), .text(3...129, pattern: Permission.pattern)) }
  public static var example: Permission { "a:b" }
}
extension Open: SchemaDescribing {
  // Not an `enum` of the schema: a client generated from it would refuse what is added later.
  public static var schema: Schema { .string() }
  public static var example: Open { .unknown("") }
}
extension Empty: SchemaDescribing {
  public static var schema: Schema { .object([], name: "Empty") }
  public static var example: Empty { Empty() }
}
