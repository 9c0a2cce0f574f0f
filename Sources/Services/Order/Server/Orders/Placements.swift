import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import GravitySaga
import OrderAPI

/// Placing an order: prices are asked for, the total computed, and order, event and saga written in one transaction.
struct Placements: Sendable {
  let core: OrderCore
  let saga: Saga<PlacementState>

  /// What is to be ordered, checked.
  struct Wanted: Sendable {
    var lines: [RequestedLine]
    var shippingAddress: OrderAddress
    var billingAddress: OrderAddress?
    var paymentMethod: String
    var currency: Currency
  }

  func place(
    _ request: Placement, by principal: Principal, once key: IdempotencyKey?
  ) async throws -> Once<Order> {
    let user = try principal.accountID
    if let earlier = try await core.database.recorded(under: key, as: Order.self) { return earlier }
    let wanted = try Self.checked(request)
    let totals = try await totals(of: wanted)
    let (id, payment) = (core.newID(), core.newID())
    // What is written is new, all of it; so nobody else has anything to do with it but under the same key.
    return try await core.database.write(once: key, orderedBy: OrderCore.lockName(id)) { transaction in
      try insert(wanted, totals, id: id, payment: payment, user: user, in: transaction)
    }
  }

  static func checked(_ request: Placement) throws -> Wanted {
    var errors: [Problem.FieldError] = []
    let wanted = Wanted(
      lines: PlacementChecks.lines(request.lines, &errors),
      shippingAddress: PlacementChecks.address(request.shippingAddress, "shipping_address", &errors),
      billingAddress: request.billingAddress.map { PlacementChecks.address($0, "billing_address", &errors) },
      paymentMethod: PlacementChecks.paymentMethod(request.paymentMethod, &errors), currency: request.currency)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return wanted
  }

  /// Today's prices.
  /// - Throws: `Problem` 422 `unknown_sku` with each line that cannot be bought, 503 `catalogue_unavailable`.
  func totals(of wanted: Wanted) async throws -> Totals {
    let answers = try await core.catalogue.offers(wanted.lines.map(\.sku), in: wanted.currency)
    var (items, errors): ([(offer: Offer, quantity: Int64)], [Problem.FieldError]) = ([], [])
    for (index, line) in wanted.lines.enumerated() {
      switch answers[line.sku] ?? .missing("unknown") {
      case .offer(let offer): items.append((offer, line.quantity))
      case .missing(let reason):
        errors.append(
          .init(
            field: "lines.\(index).sku", code: reason, message: "\(line.sku) cannot be bought in \(wanted.currency)"))
      }
    }
    guard errors.isEmpty else {
      throw Problem(
        422, "unknown_sku", "Some lines cannot be bought", detail: "Take them out, or ask for others.", errors: errors)
    }
    return try Totals(
      items, currency: wanted.currency, country: wanted.shippingAddress.country, core.configuration)
  }

  /// The order, its event and its saga.
  func insert(
    _ wanted: Wanted, _ totals: Totals, id: UUID, payment: UUID, user: UUID, in transaction: any Transaction
  ) throws -> Order {
    // A token that outlives its account by a moment brings nobody back.
    guard try !PersonalDataHolder.isErased(user, in: transaction) else { throw Problem.notFound("account") }
    let store = OrderStore(transaction)
    let details = OrderDetails(
      totals, shippingAddress: wanted.shippingAddress, billingAddress: wanted.billingAddress)
    var row = try OrderRow(
      id: id, number: OrderNumber.random(), userID: user, details: details, paymentID: payment,
      placedAt: try transaction.now.roundedToMicroseconds)
    // One in 10¹⁵ is taken for each order there is.
    while try !store.insert(row, total: totals.total, reason: "placed") { row.number = OrderNumber.random() }
    try core.record(OrderEvents.orderPlaced, row, in: transaction)
    try core.sagas.start(
      saga, id: id, subject: id.lowercased,
      state: PlacementState(
        orderID: id, userID: user, reservationID: id, paymentID: payment, lines: wanted.lines, amount: totals.total,
        paymentMethod: wanted.paymentMethod), in: transaction)
    return Order(row, details)
  }
}
