/// A value and the version of the row that it was read from.
public struct Versioned<Value: Sendable>: Sendable {
  public var value: Value
  /// Grows with each change of the row, in the database, and is never given twice.
  public var version: Int64

  public init(_ value: Value, version: Int64) {
    self.value = value
    self.version = version
  }
}

extension Versioned: Equatable where Value: Equatable {}
