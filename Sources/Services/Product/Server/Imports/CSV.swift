import Foundation

/// Comma-separated values (RFC 4180), with line feeds alone as ends of lines too.
enum CSV {
  struct Record: Sendable, Hashable {
    /// Of the file, where it begins; the first is 1.
    var line: Int
    var fields: [String]
  }

  /// What cannot be read: a quote that is not closed, or stands inside a field that does not begin with one.
  struct Malformed: Error, Sendable, Hashable {
    var line: Int
    var reason: String
  }

  /// - Parameter limit: how many records at most; more are not read.
  static func parse(_ text: String, limit: Int) throws(Malformed) -> [Record] {
    var records: [Record] = []
    var (fields, field): ([String], [UInt8]) = ([], [])
    var (line, beginning) = (1, 1)
    var (isQuoted, wasQuoted) = (false, false)
    let bytes = Array(text.utf8)
    var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0

    func endField() {
      fields.append(String(decoding: field, as: UTF8.self))
      field = []
      wasQuoted = false
    }
    func endRecord() {
      endField()
      // An empty line is none.
      if fields != [""] { records.append(Record(line: beginning, fields: fields)) }
      fields = []
    }
    while index < bytes.count, records.count < limit {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\n") { line += 1 }
      if isQuoted {
        guard byte == UInt8(ascii: "\"") else {
          field.append(byte)
          continue
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
          field.append(byte)
          index += 1
        } else {
          isQuoted = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: ","): endField()
      case UInt8(ascii: "\n"):
        endRecord()
        beginning = line
      case UInt8(ascii: "\r") where index == bytes.count || bytes[index] == UInt8(ascii: "\n"): break
      case UInt8(ascii: "\""):
        guard field.isEmpty, !wasQuoted else { throw Malformed(line: line, reason: "a quote inside of a field") }
        (isQuoted, wasQuoted) = (true, true)
      default:
        guard !wasQuoted else { throw Malformed(line: line, reason: "something after the quote that ends a field") }
        field.append(byte)
      }
    }
    guard !isQuoted else { throw Malformed(line: beginning, reason: "a quote is not closed") }
    if records.count < limit, !field.isEmpty || !fields.isEmpty || wasQuoted { endRecord() }
    return records
  }

  static func line(_ fields: [String]) -> String {
    fields.map { field in
      let needsQuotes =
        field.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D } || field.first == " "
        || field.last == " "
      return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
    }.joined(separator: ",") + "\r\n"
  }
}
