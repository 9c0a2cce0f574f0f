public import Foundation

/// One page of a list. The next is asked for with ``nextCursor``; the last has none.
public struct Page<Item: Codable & Sendable>: Codable, Sendable {
  public var items: [Item]
  public var nextCursor: Cursor?

  public init(items: [Item], nextCursor: Cursor?) {
    self.items = items
    self.nextCursor = nextCursor
  }

  /// Cuts a page out of rows of which one more than `limit` was fetched.
  public init(fetched: [Item], limit: Int, cursor: (Item) -> Cursor) {
    items = Array(fetched.prefix(limit))
    nextCursor = fetched.count > limit ? items.last.map(cursor) : nil
  }

  enum CodingKeys: String, CodingKey {
    case items
    case nextCursor = "next_cursor"
  }
}

extension Page: Equatable where Item: Equatable {}

/// A place in a list, opaque to clients: the sort key of the last row they saw, so that a page is stable while rows
/// are being written.
public struct Cursor: Codable, Sendable, Hashable, LosslessStringConvertible {
  /// Base64url of the parts, each preceded by its length.
  public let description: String

  public init?(_ description: String) {
    guard description.utf8.count <= 1024, Self.parts(of: description) != nil else { return nil }
    self.description = description
  }

  /// - Parameter parts: The sort key, most significant first; together at most 700 bytes.
  public init(_ parts: [String]) {
    description = Data(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8).base64URLEncodedString()
  }

  /// The sort key that the cursor was made of.
  public var parts: [String] { Self.parts(of: description) ?? [] }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let cursor = Cursor(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a cursor of this list")
    }
    self = cursor
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  private static func parts(of text: String) -> [String]? {
    guard let data = Data(base64URLEncoded: text), !data.isEmpty else { return nil }
    var (parts, rest) = ([String](), data[...])
    while let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
      guard let length = Int(String(decoding: rest[..<colon], as: UTF8.self)), length >= 0,
        length <= rest.endIndex - colon - 1,
        let part = String(bytes: rest[(colon + 1)..<(colon + 1 + length)], encoding: .utf8)
      else { return nil }
      parts.append(part)
      rest = rest[(colon + 1 + length)...]
    }
    return rest.isEmpty && !parts.isEmpty ? parts : nil
  }
}

extension Cursor {
  /// The id of the last row that the client saw, for lists in the order of ids.
  /// - Throws: ``Problem`` 422 when it is a cursor of another list.
  public var id: UUID {
    get throws {
      guard parts.count == 1, let id = UUID(uuidString: parts[0]) else {
        throw Problem.invalid("cursor", "format", "is not a cursor of this list")
      }
      return id
    }
  }
}

/// A page of a list that has no filters.
public struct PageRequest: Codable, Sendable {
  /// 1 to ``PageLimit/greatest``; ``PageLimit/standard`` when it is left out.
  public var limit: Int?
  public var cursor: Cursor?

  public init(limit: Int? = nil, cursor: Cursor? = nil) {
    self.limit = limit
    self.cursor = cursor
  }
}

/// How many rows a page may have.
public enum PageLimit {
  /// When the client does not say.
  public static let standard = 20
  /// The most; a larger one is 422.
  public static let greatest = 100

  /// What every list's `limit` may be; its document says so.
  public static let bounds = FieldBounds.integer(1...Int64(greatest))

  /// - Throws: ``Problem`` 422 outside 1…100.
  public static func checked(_ limit: Int?) throws -> Int {
    let limit = limit ?? standard
    guard (1...greatest).contains(limit) else {
      throw Problem.invalid("limit", "range", "must be from 1 to \(greatest)")
    }
    return limit
  }
}
