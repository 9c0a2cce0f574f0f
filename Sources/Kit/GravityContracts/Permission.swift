/// `resource:action`, as roles grant it: `accounts:read`. Either half of a granted permission may be `*`.
public struct Permission: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }

  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(String.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  /// What ``isWellFormed`` takes, as an ECMA-262 expression.
  public static let pattern = #"^(\*|[a-z0-9_.-]{1,64}):(\*|[a-z0-9_.-]{1,64})$"#

  /// Two halves of 1 to 64 characters `a–z 0–9 _ - .`, either of which may be `*`.
  public var isWellFormed: Bool {
    let halves = rawValue.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    return halves.count == 2
      && halves.allSatisfy { half in
        half.elementsEqual("*".utf8)
          || (1...64).contains(half.count)
            && half.allSatisfy { byte in
              switch byte {
              case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "."):
                true
              default: false
              }
            }
      }
  }

  /// Whether holding this permission allows what `needed` asks: equal, or a `*` in the place of a half.
  public func grants(_ needed: Permission) -> Bool {
    if rawValue == needed.rawValue { return true }
    let (mine, theirs) = (rawValue.split(separator: ":"), needed.rawValue.split(separator: ":"))
    guard mine.count == 2, theirs.count == 2 else { return false }
    return (mine[0] == "*" || mine[0] == theirs[0]) && (mine[1] == "*" || mine[1] == theirs[1])
  }
}
