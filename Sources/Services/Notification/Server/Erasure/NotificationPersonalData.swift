import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityHTTP
import GravityPersonalData
import GravityTasks
import NotificationAPI

/// What the notification service knows of a person. All of it goes but ids, templates' names and states.
struct NotificationPersonalData: PersonalDataStore {
  let erasure: Erasure

  func inventory(of user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    func count(_ statement: SQL) throws -> Int64 { try transaction.scalar(statement) ?? 0 }
    var counts = PersonalDataCounts()
    let kinds: [(String, Int64)] = [
      (
        "notifications",
        try count(
          """
          SELECT count(*) FROM notifications WHERE user_id = \(user)
            AND (address IS NOT NULL OR phone IS NOT NULL OR name IS NOT NULL OR data IS NOT NULL)
          """)
      ),
      (
        "messages",
        try count(
          """
          SELECT count(*) FROM messages WHERE delivery_id IN (
            SELECT deliveries.id FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
            WHERE notifications.user_id = \(user))
          """)
      ),
      ("inbox", try count("SELECT count(*) FROM inbox_items WHERE user_id = \(user)")),
      ("push_devices", try count("SELECT count(*) FROM push_devices WHERE user_id = \(user)")),
      ("suppressions", try count("SELECT count(*) FROM suppressions WHERE user_id = \(user)")),
    ]
    for (kind, number) in kinds where number > 0 { counts.erased[kind] = number }
    let kept = try count("SELECT count(*) FROM notifications WHERE user_id = \(user)")
    if kept > 0 { counts.kept["notification_states"] = kept }
    return counts
  }

  func erase(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    let counts = try inventory(of: user, in: transaction)
    try erasure.erase(user, in: transaction)
    return counts
  }

  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage {
    let sections = [
      PersonalDataSection { after, limit, transaction in
        let after: SQL = after.map { "AND notifications.id > \($0)" } ?? ""
        let rows: [NotificationRow] = try transaction.all(
          """
          SELECT \(NotificationRow.columns) FROM notifications
          WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)
          """)
        let templates = try erasure.library.templates(Set(rows.map(\.template)), in: transaction)
        return try rows.map { row in
          (row.id, try PersonalDataItem(kind: "notification", KeptNotification(row, templates[row.template])))
        }
      },
      PersonalDataSection { after, limit, transaction in
        let after: SQL = after.map { "AND messages.delivery_id > \($0)" } ?? ""
        return try transaction.rows(
          """
          SELECT messages.delivery_id, messages.recipient, messages.subject, messages.body FROM messages
          JOIN deliveries ON deliveries.id = messages.delivery_id
          JOIN notifications ON notifications.id = deliveries.notification_id
          WHERE notifications.user_id = \(user) \(after) ORDER BY messages.delivery_id LIMIT \(limit)
          """
        ).map { row in
          let kept = KeptMessage(
            id: try row.get("delivery_id"), recipient: try row.get("recipient"), subject: try row.get("subject"),
            body: try row.get("body"))
          return (kept.id, try PersonalDataItem(kind: "message", kept))
        }
      },
      PersonalDataSection { after, limit, transaction in
        let after: SQL = after.map { "AND inbox_items.id > \($0)" } ?? ""
        let rows: [InboxRow] = try transaction.all(
          """
          SELECT \(InboxRow.columns) FROM inbox_items WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)
          """)
        return try rows.map { ($0.id, try PersonalDataItem(kind: "inbox_message", $0.item)) }
      },
      PersonalDataSection { after, limit, transaction in
        let after: SQL = after.map { "AND push_devices.id > \($0)" } ?? ""
        let rows: [DeviceRow] = try transaction.all(
          """
          SELECT \(DeviceRow.columns) FROM push_devices WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)
          """)
        return try rows.map { ($0.id, try PersonalDataItem(kind: "push_device", $0.device)) }
      },
    ]
    return try PersonalDataPage(of: sections, after: cursor, limit: limit, in: transaction)
  }
}

private struct KeptNotification: Encodable {
  var id: UUID
  var template: String
  var address: String?
  var phone: String?
  var name: String?
  var locale: String?
  /// JSON, as the template was given it, with dots for what only the mail's recipient may read: a mail that waits may
  /// be to somebody else's address, and its token would prove that it is the user's.
  var data: String?
  var createdAt: Date

  /// - Parameter template: Without it nobody knows what is a secret, so no data are told.
  init(_ row: NotificationRow, _ template: CompiledTemplate?) throws {
    (id, self.template, createdAt) = (row.id, row.template, row.createdAt)
    (address, phone, name, locale) = (row.address, row.phone, row.name, row.locale)
    guard let template, let text = row.data else { return }
    let all = try JSONDecoder().decode(JSONObject.self, from: Data(text.utf8))
    data = String(decoding: try JSONEncoder().encode(TemplateData.masked(all, template.variables)), as: UTF8.self)
  }

  enum CodingKeys: String, CodingKey {
    case id, template, address, phone, name, locale, data
    case createdAt = "created_at"
  }
}

private struct KeptMessage: Encodable {
  var id: UUID
  var recipient: String
  var subject: String
  var body: String
}

/// A receipt that waits until the copies of transports are gone, too.
struct OwedReceipt: Codable, Sendable {
  var user: UUID
  var counts: PersonalDataCounts
}

extension Erasure {
  static let receipt = TaskType<OwedReceipt>("notifications.acknowledge_erasure", maximumAttempts: 1_000)

  var holder: PersonalDataHolder {
    PersonalDataHolder(
      service: NotificationAPI.service, store: NotificationPersonalData(erasure: self), outbox: core.events)
  }

  /// Erases, and tells so once what transports keep is gone as well.
  func answer(_ user: UUID, in transaction: any Transaction) throws {
    // One that waits may have been tried before, by a process that hangs.
    let underWay: Int64? = try transaction.scalar(
      """
      SELECT count(*) FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
      WHERE notifications.user_id = \(user)
        AND (deliveries.state = 'sending' OR (deliveries.state = 'queued' AND deliveries.attempt > 0))
      """)
    let counts = try holder.remember(user, in: transaction)
    let delay: Duration = (underWay ?? 0) > 0 ? greatestAttempt : .zero
    try core.tasks.enqueue(
      Self.receipt, OwedReceipt(user: user, counts: counts), in: transaction, after: delay, uniqueKey: user.lowercased)
  }

  func acknowledge(_ owed: OwedReceipt, _ channels: [any Channel], _ context: TaskContext) async throws {
    let ids = try await core.read { transaction, _ in try DeliveryStore(transaction).ids(of: owed.user) }
    for start in stride(from: 0, to: ids.count, by: Self.batch) {
      let some = Array(ids[start..<min(start + Self.batch, ids.count)])
      for channel in channels { try await channel.erase(some) }
    }
    try await core.database.write { [holder] transaction in
      try holder.acknowledge(owed.user, owed.counts, in: transaction)
      try context.complete(in: transaction)
    }
  }
}

extension NotificationService {
  func bindPersonalData(_ routes: inout Routes) {
    let (holder, database) = (erasure.holder, core.database)
    routes.on(PersonalDataAPI.inventory(of: NotificationAPI.service)) { request, _ in
      try await holder.inventory(request, in: database)
    }
    routes.on(PersonalDataAPI.items(of: NotificationAPI.service)) { request, _ in
      try await holder.items(request, in: database)
    }
  }
}
