import GRDB
import GRDBSQLite
import GravityData
import Foundation

extension GravityData.DatabaseError {
  /// What went wrong last on the connection.
  init(on connection: SQLiteConnection) {
    self.init(
      sqlite: sqlite3_extended_errcode(connection.handle), String(cString: sqlite3_errmsg(connection.handle)),
      isLate: connection.isLate)
  }

  /// What GRDB reports when it opens or begins.
  init(_ error: GRDB.DatabaseError) {
    self.init(sqlite: error.extendedResultCode.rawValue, error.message ?? "\(error.resultCode)", isLate: false)
  }

  private init(sqlite extended: Int32, _ message: String, isLate: Bool) {
    self.init(Self.code(extended, message), message, engineCode: "\(extended)")
    if code == .timeout, isLate { self.message = "the statement ran longer than the statement time-out" }
    if extended & 0xFF == SQLITE_CONSTRAINT, let separator = message.range(of: " failed: ") {
      constraint = String(message[separator.upperBound...])
    }
  }

  private static func code(_ extended: Int32, _ message: String) -> Code {
    switch ResultCode(rawValue: extended) {
    case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID: return .uniqueViolation
    case .SQLITE_CONSTRAINT_FOREIGNKEY: return .foreignKeyViolation
    // ON DELETE RESTRICT comes as a trigger's constraint.
    case .SQLITE_CONSTRAINT_TRIGGER where message.hasPrefix("FOREIGN KEY"): return .foreignKeyViolation
    case .SQLITE_CONSTRAINT_CHECK: return .checkViolation
    case .SQLITE_CONSTRAINT_NOTNULL: return .notNullViolation
    case .SQLITE_BUSY_SNAPSHOT: return .serialization
    default: break
    }
    switch extended & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED: return .busy
    case SQLITE_INTERRUPT: return .timeout
    case SQLITE_READONLY, SQLITE_FULL, SQLITE_PERM: return .readOnly
    case SQLITE_CANTOPEN, SQLITE_IOERR: return .unavailable
    // A strict table refuses a value of another type as SQLITE_CONSTRAINT_DATATYPE.
    case SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_RANGE, SQLITE_CONSTRAINT, SQLITE_AUTH: return .statement
    case SQLITE_TOOBIG: return .value
    default: return .other
    }
  }
}
