/// A strong entity tag (RFC 9110 §8.8.3), made of a resource's version.
public struct EntityTag: Sendable, Hashable, CustomStringConvertible {
  /// Without the quotes.
  public let opaque: String

  public init(version: Int64) { opaque = "v\(version)" }

  /// Reads one tag in quotes; a weak one (`W/"…"`) is none, since If-Match compares strongly (§13.1.1).
  public init?(header: some StringProtocol) {
    guard header.utf8.count >= 2, header.utf8.count <= 66, header.first == "\"", header.last == "\"" else { return nil }
    let inner = header.dropFirst().dropLast()
    guard inner.utf8.allSatisfy({ $0 == 0x21 || (0x23...0x7E).contains($0) }) else { return nil }
    opaque = String(inner)
  }

  /// In quotes, as the header carries it.
  public var description: String { "\"\(opaque)\"" }
}

/// A reply that is one version of a resource: its `ETag` is sent by itself, and `If-None-Match` is answered 304.
public protocol EntityTagged {
  var entityTag: EntityTag { get }
}

/// What `If-Match` asked for.
public enum IfMatch: Sendable, Hashable {
  /// `*`: any version that exists.
  case any
  case tags([EntityTag])

  public func matches(_ tag: EntityTag) -> Bool {
    switch self {
    case .any: true
    case .tags(let tags): tags.contains(tag)
    }
  }
}
