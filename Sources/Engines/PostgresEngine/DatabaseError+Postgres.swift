import CPQ
import Foundation
import GravityData

/// The fields of an error (`PG_DIAG_…`, characters in C).
enum PostgresField {
  static let severity = Int32(UInt8(ascii: "V"))
  static let sqlState = Int32(UInt8(ascii: "C"))
  static let message = Int32(UInt8(ascii: "M"))
  static let constraint = Int32(UInt8(ascii: "n"))
  static let table = Int32(UInt8(ascii: "t"))
  static let column = Int32(UInt8(ascii: "c"))
}

extension DatabaseError {
  /// What the server, or libpq in its place, said.
  init(result: OpaquePointer) {
    func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
    let message = field(PostgresField.message) ?? String(cString: PQresultErrorMessage(result))
    let state = field(PostgresField.sqlState)
    self.init(
      state.map { Self.code(sqlState: $0, message) } ?? .unavailable,
      message.trimmingCharacters(in: .whitespacesAndNewlines), engineCode: state)
    if let constraint = field(PostgresField.constraint) {
      self.constraint = constraint
    } else if code == .notNullViolation, let table = field(PostgresField.table),
      let column = field(PostgresField.column)
    {
      constraint = "\(table).\(column)"
    }
  }

  /// libpq tells why it could not connect in words only.
  init(connecting message: String) {
    let isFull =
      message.contains("too many clients") || message.contains("connection slots are reserved")
      || message.contains("too many connections")
    let state: String? =
      if isFull {
        "53300"
      } else if message.contains("database \""), message.contains("does not exist") {
        "3D000"
      } else if message.contains("password authentication failed") {
        "28P01"
      } else {
        nil
      }
    self.init(isFull ? .busy : .unavailable, message, engineCode: state)
  }

  /// PostgreSQL's Appendix A.
  private static func code(sqlState: String, _ message: String) -> Code {
    switch sqlState {
    case "23505": .uniqueViolation
    case "23503": .foreignKeyViolation
    case "23514": .checkViolation
    case "23502": .notNullViolation
    case "40001", "40P01": .serialization
    // Another instance changed the schema, or a proxy gave us another session: prepared again, it will do.
    case "26000": .serialization
    case "0A000" where message.contains("cached plan"): .serialization
    case "57014", "55P03", "25P03": .timeout
    case "53300": .busy
    case "25006", "53100": .readOnly
    case "22P05", "22021", "22003", "22008": .value
    default:
      switch sqlState.prefix(2) {
      case "08", "57": .unavailable
      case "42", "22", "21", "2B", "0A", "25", "34", "3D", "3F": .statement
      case "53": .busy
      case "58": .unavailable
      default: .other
      }
    }
  }

  /// The statements that this connection has prepared are not what the server has any more.
  var wantsPreparingAgain: Bool {
    engineCode == "26000" || engineCode == "0A000" && code == .serialization
  }
}
