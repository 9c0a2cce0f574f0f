/// A wire type some of whose fields take less than their Swift types do. The OpenAPI document tells it, and the service
/// that takes the type checks it: `ContractTests` sends what the document allows, and what it does not.
public protocol FieldBounded {
  /// By the fields' names on the wire.
  static var bounds: [String: FieldBounds] { get }
  /// Fields that may be left out and must not be null, though their type could be.
  static var neverNull: Set<String> { get }
}

extension FieldBounded {
  public static var neverNull: Set<String> { [] }
}

/// What a field takes, beyond its type.
public indirect enum FieldBounds: Sendable, Hashable {
  /// So many Unicode code points, which is what JSON Schema counts (Validation 2020-12 §6.3.1), in which `pattern` is
  /// found, an ECMA-262 expression with the flag `u`. Of a `format` that is none of JSON Schema's the name is all.
  case text(ClosedRange<Int>, pattern: String? = nil, format: String? = nil)
  /// What a person typed, of 1 to so many Unicode code points, as `PlainText` takes it.
  case plainText(Int, lines: Bool = false, tabs: Bool = false)
  case integer(ClosedRange<Int64>)
  case items(ClosedRange<Int>, each: FieldBounds? = nil, unique: Bool = false)

  /// Nothing or a line, without controls and what else `PlainText` refuses.
  public static func line(_ greatest: Int) -> FieldBounds {
    .text(0...greatest, pattern: "^[^\(notInText)]*$")
  }

  /// What `PlainText` refuses, as members of a class of characters: controls, what breaks lines, turns the direction of
  /// text or is nobody's. It refuses what lies beyond U+FFFF and is nobody's, too, for which ECMA-262 and Python have no
  /// common spelling.
  public static let notInText =
    #"\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2060-\u206F\uE000-\uF8FF\uFEFF"#

  /// An absolute `https` address in ASCII (RFC 3986).
  public static func webAddress(_ greatest: Int) -> FieldBounds {
    .text(9...greatest, pattern: #"^[hH][tT][tT][pP][sS]://[!#-;=?-\[\]_a-z~]+$"#, format: "https-url")
  }

  /// An e-mail address (RFC 5321 §4.5.3.1.3).
  public static let email = FieldBounds.text(3...254, format: "email")
  /// A BCP 47 language tag (RFC 5646 §4.4.1).
  public static let languageTag = FieldBounds.text(2...35, format: "language-tag")
}
