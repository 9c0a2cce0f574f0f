/// An enum that may grow: a value that this build does not know is kept as it came (decision 15).
public enum Open<Known: RawRepresentable & CaseIterable & Sendable & Hashable>: Sendable, Hashable
where Known.RawValue == String {
  case known(Known)
  case unknown(String)

  public init(_ rawValue: String) { self = Known(rawValue: rawValue).map(Open.known) ?? .unknown(rawValue) }

  public var rawValue: String {
    switch self {
    case .known(let value): value.rawValue
    case .unknown(let value): value
    }
  }
}

extension Open: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
