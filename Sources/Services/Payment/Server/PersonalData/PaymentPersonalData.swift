import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import GravityHTTP
import GravityPersonalData
import PaymentAPI
import UserAPI

/// What the payment service knows of a person. Payments, refunds and the ledger stay, as tax and trade law ask (GDPR
/// 17(3)(b)): amounts, times and ids, of which the customer's leads to nobody any more. What others wrote beside them
/// (metadata, payment method, messages, links) goes, once no money is held and no question to the provider is open.
struct PaymentPersonalData: PersonalDataStore {
  let core: PaymentCore

  /// Stages in which nothing moves by itself.
  private static let quiet: [Stage] = [
    .requiresPaymentMethod, .requiresConfirmation, .requiresAction, .succeeded, .canceled,
  ]
  private static var isQuiet: SQL { "stage IN \(list: quiet.map(\.rawValue))" }

  func inventory(of user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    func count(_ condition: SQL) throws -> Int64 {
      try transaction.scalar("SELECT count(*) FROM payments WHERE customer_id = \(user) AND \(condition)") ?? 0
    }
    var counts = PersonalDataCounts()
    let (quiet, open) = (
      try count("erased_at IS NULL AND \(Self.isQuiet)"), try count("erased_at IS NULL AND NOT (\(Self.isQuiet))")
    )
    let all = try count("TRUE")
    if quiet > 0 { counts.erased["payment_details"] = quiet }
    if all > 0 { counts.kept["payments"] = all }
    if open > 0 { counts.waiting["payments_under_way"] = open }
    return counts
  }

  func erase(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    let before = try inventory(of: user, in: transaction)
    let now = try core.now(transaction)
    try transaction.execute(
      """
      UPDATE payment_attempts SET payment_method = NULL, failure_message = NULL
      WHERE payment_id IN (
        SELECT id FROM payments WHERE customer_id = \(user) AND erased_at IS NULL AND \(Self.isQuiet))
      """)
    try transaction.execute(
      """
      UPDATE payments SET metadata = \(try SQLJSON([String: String]())), payment_method = NULL, action_url = NULL,
        action_type = NULL, error_message = NULL, erased_at = \(now), version = payments.version + 1,
        updated_at = \(now)
      WHERE customer_id = \(user) AND erased_at IS NULL AND \(Self.isQuiet)
      """)
    var counts = try inventory(of: user, in: transaction)
    counts.erased = before.erased
    return counts
  }

  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage {
    let section = PersonalDataSection { after, limit, transaction in
      let after: SQL = after.map { "AND id > \($0)" } ?? ""
      return try transaction.rows(
        "SELECT id FROM payments WHERE customer_id = \(user) \(after) ORDER BY id LIMIT \(limit)"
      ).compactMap { row in
        guard let payment = try PaymentStore(transaction).find(try row.get("id")) else { return nil }
        return (payment.id, try PersonalDataItem(kind: "payment", payment.payment))
      }
    }
    return try PersonalDataPage(of: [section], after: cursor, limit: limit, in: transaction)
  }
}

extension PaymentService {
  var personalData: PersonalDataHolder {
    PersonalDataHolder(service: PaymentAPI.service, store: PaymentPersonalData(core: core), outbox: core.events)
  }

  /// What the service does when others tell of users: forget who is to be erased.
  public var userEvents: [EventHandler] {
    let holder = personalData
    return [
      .on(UserEvents.erasureRequested) { event, transaction in try holder.erase(event.payload.userID, in: transaction) }
    ]
  }

  func bindPersonalData(_ routes: inout Routes) {
    let (holder, database) = (personalData, core.database)
    routes.on(PersonalDataAPI.inventory(of: PaymentAPI.service)) { request, _ in
      try await holder.inventory(request, in: database)
    }
    routes.on(PersonalDataAPI.items(of: PaymentAPI.service)) { request, _ in
      try await holder.items(request, in: database)
    }
  }
}
