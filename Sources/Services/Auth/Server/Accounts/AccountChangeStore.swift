import AuthAPI
import Foundation
import GravityContracts
import GravityData

/// The table `account_changes`; knows no other. Keeps the last ones of each account.
struct AccountChangeStore {
  static let greatestCount = 50

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func insert(_ change: AccountChange, of account: UUID) throws {
    try transaction.execute(
      """
      INSERT INTO account_changes (id, account_id, kind, former, latter, reason, changed_by, changed_at)
      VALUES (\(change.id), \(account), \(change.kind.rawValue), \(change.before), \(change.after), \(change.reason),
        \(change.by), \(change.at))
      """)
    try transaction.execute(
      """
      DELETE FROM account_changes WHERE account_id = \(account) AND id IN (
        SELECT id FROM account_changes WHERE account_id = \(account) ORDER BY id DESC
        LIMIT 100 OFFSET \(Self.greatestCount))
      """)
  }

  /// Newest first.
  func list(of account: UUID) throws -> [AccountChange] {
    try transaction.rows(
      """
      SELECT id, kind, former, latter, reason, changed_by, changed_at FROM account_changes
      WHERE account_id = \(account) ORDER BY id DESC LIMIT \(Self.greatestCount)
      """
    ).map { row in
      let kind: String = try row.get("kind")
      guard let known = AccountChange.Kind(rawValue: kind) else { throw SQLMismatch(.text(kind), wanted: "kind") }
      return AccountChange(
        id: try row.get("id"), kind: known, before: try row.get("former"), after: try row.get("latter"),
        reason: try row.get("reason"), by: try row.get("changed_by"), at: try row.get("changed_at"))
    }
  }

  /// A reason may tell of a person who is to be forgotten.
  func forgetReasons(of account: UUID) throws {
    try transaction.execute("UPDATE account_changes SET reason = NULL WHERE account_id = \(account)")
  }
}

/// Why an administrator did something, in their words.
enum AccountReason {
  static func errors(in request: AccountUpdate) -> [Problem.FieldError] {
    guard let reason = request.reason else { return [] }
    guard request.status != nil || request.roles != nil else {
      return [.init(field: "reason", code: "unexpected", message: "belongs to a change of status or roles")]
    }
    guard trimmed(reason)?.isEmpty == false, reason.unicodeScalars.count <= 500, !reason.utf8.contains(0) else {
      return [.init(field: "reason", code: "range", message: "must have 1 to 500 characters")]
    }
    return []
  }

  static func trimmed(_ reason: String?) -> String? { reason?.trimmingCharacters(in: .whitespacesAndNewlines) }
}
