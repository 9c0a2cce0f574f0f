import Foundation

/// The members of a JSON object as they stand in its text, so that one value can be taken out unread.
///
/// It finds where values end; whether a value is right is found out by whoever reads it.
struct JSONMembers {
  private let json: [UInt8]
  private var values: [String: Range<Int>] = [:]

  static let greatestDepth = 64

  /// nil unless `json` is one object with distinct names, nested at most ``greatestDepth`` deep.
  init?(_ json: [UInt8]) {
    self.json = json
    var index = Self.skipSpace(json, from: 0)
    guard index < json.count, json[index] == UInt8(ascii: "{") else { return nil }
    index = Self.skipSpace(json, from: index + 1)
    var isFirst = true
    while true {
      guard index < json.count else { return nil }
      if json[index] == UInt8(ascii: "}"), isFirst || values.count > 0 { break }
      guard let afterName = Self.skipString(json, from: index), let name = Self.decode(json[index..<afterName]) else {
        return nil
      }
      index = Self.skipSpace(json, from: afterName)
      guard index < json.count, json[index] == UInt8(ascii: ":") else { return nil }
      index = Self.skipSpace(json, from: index + 1)
      guard let end = Self.skipValue(json, from: index), values.updateValue(index..<end, forKey: name) == nil else {
        return nil
      }
      index = Self.skipSpace(json, from: end)
      guard index < json.count else { return nil }
      isFirst = false
      if json[index] == UInt8(ascii: "}") { break }
      guard json[index] == UInt8(ascii: ",") else { return nil }
      index = Self.skipSpace(json, from: index + 1)
      guard index < json.count, json[index] != UInt8(ascii: "}") else { return nil }
    }
    guard Self.skipSpace(json, from: index + 1) == json.count else { return nil }
  }

  /// The text of a member's value.
  subscript(name: String) -> ArraySlice<UInt8>? { values[name].map { json[$0] } }

  /// A member's value when it is a string.
  func string(_ name: String) -> String? { self[name].flatMap(Self.decode) }

  private static func decode(_ text: ArraySlice<UInt8>) -> String? {
    guard text.count >= 2, text.first == UInt8(ascii: "\"") else { return nil }
    let inner = text.dropFirst().dropLast()
    if !inner.contains(where: { $0 == UInt8(ascii: "\\") || $0 < 0x20 }) {
      return String(validating: inner, as: UTF8.self)
    }
    return try? JSONDecoder().decode(String.self, from: Data(text))
  }

  private static func skipSpace(_ json: [UInt8], from start: Int) -> Int {
    var index = start
    while index < json.count, [0x20, 0x09, 0x0A, 0x0D].contains(json[index]) { index += 1 }
    return index
  }

  private static func skipString(_ json: [UInt8], from start: Int) -> Int? {
    guard start < json.count, json[start] == UInt8(ascii: "\"") else { return nil }
    var index = start + 1
    while index < json.count {
      switch json[index] {
      case UInt8(ascii: "\""): return index + 1
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    return nil
  }

  private static func skipValue(_ json: [UInt8], from start: Int) -> Int? {
    guard start < json.count else { return nil }
    if json[start] == UInt8(ascii: "\"") { return skipString(json, from: start) }
    var depth = 0
    var index = start
    while index < json.count {
      switch json[index] {
      case UInt8(ascii: "\""):
        guard let end = skipString(json, from: index) else { return nil }
        index = end
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        if depth > greatestDepth { return nil }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return index > start ? index : nil }
        depth -= 1
        if depth == 0 { return index + 1 }
      case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
        if depth == 0 { return index > start ? index : nil }
      default: break
      }
      index += 1
    }
    return nil
  }
}
