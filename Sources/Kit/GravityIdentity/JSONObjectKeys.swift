import Foundation

/// Finds a name that stands twice in one object. Decoders pick one of the two, and two decoders may pick differently,
/// so RFC 7519 §4 lets a verifier refuse.
enum JSONObjectKeys {
  /// Whether `json` is one object in which, at every depth up to 16, no name stands twice. Names with escapes are
  /// refused: none of ours has any, and they would let one name be spelled in two ways.
  ///
  /// It does not check the rest of the grammar; the decoder does.
  static func areUnique(in json: Data) -> Bool {
    guard json.first(where: { !isSpace($0) }) == UInt8(ascii: "{") else { return false }
    var seen: [Set<Data>?] = []
    var expectsName = false
    var index = json.startIndex
    while index < json.endIndex {
      switch json[index] {
      case UInt8(ascii: "{"):
        seen.append([])
        expectsName = true
      case UInt8(ascii: "["): seen.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard seen.popLast() != nil else { return false }
        expectsName = false
      case UInt8(ascii: ","): expectsName = (seen.last ?? nil) != nil
      case UInt8(ascii: "\""):
        guard let (end, isEscaped) = stringEnd(in: json, from: index + 1) else { return false }
        if expectsName {
          guard !isEscaped, seen[seen.count - 1]?.insert(json[(index + 1)..<end]).inserted == true else {
            return false
          }
          expectsName = false
        }
        index = end
      default: break
      }
      guard seen.count <= 16 else { return false }
      index += 1
    }
    return seen.isEmpty
  }

  private static func stringEnd(in json: Data, from start: Data.Index) -> (end: Data.Index, isEscaped: Bool)? {
    var (index, isEscaped) = (start, false)
    while index < json.endIndex {
      switch json[index] {
      case UInt8(ascii: "\""): return (index, isEscaped)
      case UInt8(ascii: "\\"):
        isEscaped = true
        index += 2
      default: index += 1
      }
    }
    return nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
