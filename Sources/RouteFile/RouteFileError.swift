/// Where something stands in a route file, both from 1; a column is a Unicode scalar.
public struct Place: Sendable, Hashable, Comparable {
  /// From 1.
  public var line: Int
  /// From 1, in Unicode scalars.
  public var column: Int

  /// Both from 1.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// What comes first in the file.
  public static func < (one: Place, other: Place) -> Bool { (one.line, one.column) < (other.line, other.column) }
}

/// What is wrong with a route file: everything that was found, in its order.
public struct RouteFileError: Error, Sendable, CustomStringConvertible {
  /// One thing that is wrong.
  public struct Mistake: Sendable, Hashable {
    /// Where it begins.
    public var place: Place
    /// What is there, and what was expected.
    public var text: String
  }

  /// What the file is called.
  public var name: String
  /// At least one, in the order of the file.
  public var mistakes: [Mistake]

  /// A line for each: `routes.yaml:12:7: "lmit" is no key of rate_limit; expected limit, window, by or shadow`.
  public var description: String {
    let lines = mistakes.prefix(Self.told).map { "\(name):\($0.place.line):\($0.place.column): \($0.text)" }
    let rest = mistakes.count - lines.count
    return (lines + (rest > 0 ? ["\(name): and \(rest) mistakes more"] : [])).joined(separator: "\n")
  }

  /// Of more than so many nobody reads on.
  private static let told = 50
}

/// Mistakes as they are found.
struct Mistakes {
  private(set) var all: [RouteFileError.Mistake] = []

  mutating func add(_ place: Place, _ what: String, expected: String) {
    all.append(.init(place: place, text: "\(what); expected \(expected)"))
  }

  mutating func add(_ place: Place, _ text: String) { all.append(.init(place: place, text: text)) }

  /// - Throws: When there are any.
  func end(_ name: String) throws(RouteFileError) {
    guard !all.isEmpty else { return }
    throw RouteFileError(name: name, mistakes: all.sorted { $0.place < $1.place })
  }
}

/// Something of the file, in quotes and shortened.
func quoted(_ text: String) -> String { "\"\(text.prefix(80))\(text.count > 80 ? "…" : "")\"" }
