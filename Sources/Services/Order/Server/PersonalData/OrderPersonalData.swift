import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import GravityHTTP
import GravityPersonalData
import OrderAPI
import UserAPI

/// What the order service knows of a person. Carts go. Orders stay, as tax and trade law ask (GDPR 17(3)(b)), with what
/// was sold, its prices, taxes and the country and region that decide them; names, streets, towns, telephone numbers and
/// notes are taken out of them. An order that is under way keeps its address until it is delivered.
struct OrderPersonalData: PersonalDataStore {
  let core: OrderCore

  /// How long a confirmed order that nobody closed may still be on its way. Seconds.
  static let deliveryTime: TimeInterval = 30 * 86_400
  /// How many orders are changed in one transaction; more wait for the next request.
  static let batch = 500

  func inventory(of user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    let table = OrderErasureTable(transaction)
    let (open, all) = try table.counts(of: user, since: deliverable(transaction))
    let settled = try table.count(settledOf: user, since: deliverable(transaction))
    var counts = PersonalDataCounts()
    let carts = try table.carts(of: user)
    if carts > 0 { counts.erased["carts"] = carts }
    if settled > 0 { counts.erased["order_addresses"] = settled }
    if all > 0 { counts.kept["orders"] = all }
    if open > 0 { counts.waiting["orders_under_way"] = open }
    return counts
  }

  func erase(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    let table = OrderErasureTable(transaction)
    let since = try deliverable(transaction)
    var counts = PersonalDataCounts()
    let carts = try table.deleteCarts(of: user)
    if carts > 0 { counts.erased["carts"] = carts }
    let now = try transaction.now.roundedToMicroseconds
    let store = OrderStore(transaction)
    var number: Int64 = 0
    for id in try table.settled(of: user, since: since, limit: Self.batch) {
      guard let row = try store.find(id) else { continue }
      var details = try row.details
      details.shippingAddress = details.shippingAddress.pseudonymous
      details.billingAddress = details.billingAddress?.pseudonymous
      try table.pseudonymise(id, details: try StoredJSON.encode(details), at: now)
      _ = try store.update(row, at: now, reason: "erased")
      number += 1
    }
    if number > 0 { counts.erased["order_addresses"] = number }
    let (open, all) = try table.counts(of: user, since: since)
    if all > 0 { counts.kept["orders"] = all }
    if open > 0 { counts.waiting["orders_under_way"] = open }
    let left = try table.count(settledOf: user, since: since)
    if left > 0 { counts.waiting["order_addresses"] = left }
    return counts
  }

  private func deliverable(_ transaction: any Transaction) throws -> Date {
    try (transaction.now - Self.deliveryTime).roundedToMicroseconds
  }

  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage {
    let sections = [
      PersonalDataSection { after, limit, transaction in
        try OrderErasureTable(transaction).orders(of: user, after: after, limit: limit).map {
          ($0.id, try PersonalDataItem(kind: "order", try $0.order))
        }
      },
      PersonalDataSection { after, limit, transaction in
        try OrderErasureTable(transaction).carts(of: user, after: after, limit: limit).map { cart in
          (
            cart.id,
            try PersonalDataItem(
              kind: "cart", KeptCart(id: cart.id, lines: cart.lines, shippingAddress: cart.shippingAddress))
          )
        }
      },
    ]
    return try PersonalDataPage(of: sections, after: cursor, limit: limit, in: transaction)
  }
}

private struct KeptCart: Encodable {
  var id: UUID
  var lines: [RequestedLine]
  var shippingAddress: OrderAddress?

  enum CodingKeys: String, CodingKey {
    case id, lines
    case shippingAddress = "shipping_address"
  }
}

extension OrderAddress {
  /// What taxes were decided by, and nothing that tells who it was.
  var pseudonymous: OrderAddress { OrderAddress(name: "", line1: "", region: region, country: country) }
}

extension OrderService {
  var personalData: PersonalDataHolder {
    PersonalDataHolder(service: OrderAPI.service, store: OrderPersonalData(core: core), outbox: core.events)
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
    routes.on(PersonalDataAPI.inventory(of: OrderAPI.service)) { request, _ in
      try await holder.inventory(request, in: database)
    }
    routes.on(PersonalDataAPI.items(of: OrderAPI.service)) { request, _ in
      try await holder.items(request, in: database)
    }
  }
}
