import Foundation
import GravityData
import NotificationAPI

/// The table `opt_outs`: who unsubscribed by a link. Of a user only until the user service knows it, which has the say
/// then; of an address without an account for good.
struct OptOutStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  typealias Reader = UnsubscribeLinks.Reader

  /// One that is there already stays as it is.
  func insert(_ reader: Reader, _ category: MessageCategory, at now: Date) throws {
    try transaction.execute(
      """
      INSERT INTO opt_outs (reader, category, user_id, created_at)
      VALUES (\(reader.text), \(category.rawValue), \(reader.user), \(now)) ON CONFLICT (reader, category) DO NOTHING
      """)
  }

  /// - Returns: those of `readers` who want no mails of which categories.
  func all(of readers: Set<Reader>) throws -> [Reader: Set<MessageCategory>] {
    guard !readers.isEmpty else { return [:] }
    var found: [Reader: Set<MessageCategory>] = [:]
    let texts = readers.map(\.text)
    for row in try transaction.rows("SELECT reader, category FROM opt_outs WHERE reader IN \(list: texts)") {
      guard let reader = Reader(try row.get("reader", as: String.self)),
        let category = MessageCategory(rawValue: try row.get("category", as: String.self))
      else { continue }
      found[reader, default: []].insert(category)
    }
    return found
  }

  func delete(_ reader: Reader, _ category: MessageCategory) throws {
    try transaction.execute(
      "DELETE FROM opt_outs WHERE reader = \(reader.text) AND category = \(category.rawValue)")
  }

  /// For those who are to be forgotten.
  func delete(of user: UUID) throws { try transaction.execute("DELETE FROM opt_outs WHERE user_id = \(user)") }
}
