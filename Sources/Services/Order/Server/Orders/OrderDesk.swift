import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravitySaga
import OrderAPI

/// What people do with orders that are placed.
struct OrderDesk: Sendable {
  let core: OrderCore
  let cancellation: Saga<CancellationState>

  static let read: Permission = "orders:read"
  static let write: Permission = "orders:write"

  func list(_ request: OrderSearch, of principal: Principal) async throws -> Page<Order> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try $0.id }
    var number: String?
    if let text = request.number {
      guard let read = OrderNumber.normalized(text) else {
        throw Problem.invalid("number", "format", "must be an order's number such as 7K3MQ-2XF9A")
      }
      number = read
    }
    var user: UUID?
    if request.all == true || request.userID != nil {
      guard principal.may(Self.read) else { throw Problem.forbidden(.permission(Self.read)) }
      user = request.userID
    } else {
      user = try principal.accountID
    }
    let (wanted, searched) = (user, number)
    let rows = try await core.database.read { transaction in
      try OrderStore(transaction).list(
        user: wanted, number: searched, status: request.status, before: before, limit: limit + 1)
    }
    return Page(fetched: try rows.map { try $0.order }, limit: limit) { Cursor([$0.id.lowercased]) }
  }

  func find(_ id: UUID, of principal: Principal) async throws -> Order {
    try await visible(id, to: principal).order
  }

  func find(_ id: UUID) async throws -> Order {
    guard let row = try await OrderStore.find(id, in: core.database) else { throw Problem.notFound("order") }
    return try row.order
  }

  func history(_ id: UUID, of principal: Principal) async throws -> OrderHistory {
    let id = try await visible(id, to: principal).id
    return OrderHistory(entries: try await core.database.read { try OrderStore($0).history(id) })
  }

  func saga(_ id: UUID, of principal: Principal) async throws -> SagaView {
    let row = try await visible(id, to: principal)
    guard let view = try await core.sagas.view(row.id) else {
      throw Problem(404, "not_found", "What was done for this order is not kept any more")
    }
    return view
  }

  /// What is pending is undone by its own saga; what is confirmed by another, which gives the money and the stock back.
  /// Canceling what is being canceled changes nothing.
  func cancel(_ request: OrderCancellation, by principal: Principal) async throws -> Order {
    _ = try await visible(request.id, to: principal)
    guard (request.note ?? "").unicodeScalars.count <= 200 else {
      throw Problem.invalid("note", "too_long", "must have at most 200 characters")
    }
    let isStaff = principal.may(Self.write)
    let id = core.newID()
    return try await core.database.write { transaction in
      let row = try core.locked(request.id, transaction)
      _ = try row.status.applying(.cancel)
      if row.status == .pending {
        let refusal = SagaRefusal(code: "requested", detail: request.note)
        guard try core.sagas.cancel(row.id, refusal, in: transaction) != .tooLate else {
          throw Problem(
            409, "invalid_state", "The order is being confirmed at this moment",
            detail: "Ask again in a moment: what is confirmed can be canceled, too.", retryAfter: 1,
            extensions: ["state": "pending", "allowed": .array([])])
        }
        return try row.order
      }
      if row.cancellationID != nil { return try row.order }
      let now = try transaction.now.roundedToMicroseconds
      let end = row.updatedAt.addingTimeInterval(core.configuration.cancelWindow / .seconds(1))
      guard isStaff || now < end else {
        throw Problem(
          409, "invalid_state", "It is too late to cancel this order", detail: "Send it back instead.",
          extensions: ["state": .string(row.status.rawValue), "allowed": .array([])])
      }
      var changed = row
      changed.cancellationID = id
      changed = try OrderStore(transaction).update(
        changed, at: now, reason: "cancellation_requested", note: request.note)
      try core.sagas.start(
        cancellation, id: id, subject: row.id.lowercased,
        state: CancellationState(
          orderID: row.id, reservationID: row.id, paymentID: row.paymentID, refundID: id, amount: try row.details.total),
        in: transaction)
      return try changed.order
    }
  }

  /// The order when its sagas have ended, or as it is when the time is over.
  func settled(_ order: Order, within time: Duration) async throws -> Order {
    let end = ContinuousClock.now + time
    if order.status == .known(.pending) { _ = try await core.sagas.waitForEnd(order.id, within: time) }
    guard let row = try await OrderStore.find(order.id, in: core.database) else { return order }
    guard let cancellation = row.cancellationID else { return try row.order }
    _ = try await core.sagas.waitForEnd(cancellation, within: end - .now)
    return try await find(order.id)
  }

  func complete(_ id: UUID) async throws -> Order {
    try await core.database.write { transaction in
      var row = try core.locked(id, transaction)
      guard row.status != .completed else { return try row.order }
      row.status = try row.status.applying(.complete)
      guard row.cancellationID == nil else {
        throw Problem(
          409, "invalid_state", "The order is being canceled",
          extensions: ["state": .string("confirmed"), "allowed": .array([])])
      }
      row = try OrderStore(transaction).update(
        row, at: try transaction.now.roundedToMicroseconds, reason: "completed")
      try core.record(OrderEvents.orderCompleted, row, in: transaction)
      return try row.order
    }
  }

  /// Somebody else's is as unknown as one that never was.
  private func visible(_ id: UUID, to principal: Principal) async throws -> OrderRow {
    guard let row = try await OrderStore.find(id, in: core.database),
      row.userID.lowercased == principal.subject || principal.may(Self.read)
    else { throw Problem.notFound("order") }
    return row
  }
}
