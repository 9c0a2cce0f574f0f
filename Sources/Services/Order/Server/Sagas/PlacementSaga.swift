import Foundation
import GravityContracts
import GravityData
import GravitySaga
import OrderAPI

/// What the saga of a placed order knows.
struct PlacementState: Codable, Sendable {
  var orderID: UUID
  var userID: UUID
  /// The order's id: one reservation for each order.
  var reservationID: UUID
  var paymentID: UUID
  var lines: [RequestedLine]
  var amount: Money
  var paymentMethod: String

  enum CodingKeys: String, CodingKey {
    case lines, amount
    case orderID = "order_id"
    case userID = "user_id"
    case reservationID = "reservation_id"
    case paymentID = "payment_id"
    case paymentMethod = "payment_method"
  }
}

/// reserve → authorize → **commit stock** → capture.
///
/// Stock comes before the payment, so that nobody's card is touched for what is not there; the money is only held until
/// the stock is theirs. Committing the stock is the pivot: what was sold is paid for, and only then taken.
enum PlacementSaga {
  /// What a step waits for when the payment is not decided.
  static let paymentMoved = "payment.moved"
  /// Over and above the time that a buyer has: saga and reservation do not end together.
  static let reservationMargin: Duration = .seconds(15 * 60)

  static func make(
    _ orders: SettledOrders, stock: any StockKeeper, cashier: any Cashier, configuration: OrderConfiguration
  ) -> Saga<PlacementState> {
    Saga(
      "order.placement", orderedBy: OrderCore.order,
      steps: [
        reserve(stock, configuration), authorize(orders, cashier, configuration), commit(stock),
        capture(orders, cashier),
      ]
    ) { ending, state, _, transaction in try orders.end(ending, state, in: transaction) }
  }

  private static func reserve(
    _ stock: any StockKeeper, _ configuration: OrderConfiguration
  ) -> SagaStep<PlacementState> {
    SagaStep("reserve") { attempt in
      let state = attempt.state
      do {
        try await stock.reserve(
          state.lines, id: state.reservationID, for: configuration.paymentWindow + reservationMargin)
        return .done()
      } catch let problem as Problem where problem.isFinal {
        return .refused(code: reason(problem), detail: problem.title)
      }
    } compensation: { attempt in
      try await stock.release(attempt.state.reservationID)
      return .done()
    }
  }

  private static func reason(_ problem: Problem) -> String {
    problem.code == "insufficient_stock" ? problem.code.rawValue : "reservation_refused"
  }

  private static func authorize(
    _ orders: SettledOrders, _ cashier: any Cashier, _ configuration: OrderConfiguration
  ) -> SagaStep<PlacementState> {
    SagaStep("authorize") { attempt in
      let state = attempt.state
      let answer: CashierAnswer
      do {
        guard state.amount.amount > 0 else { return .done(record: authorized(orders)) }
        // The call that makes the payment tells how it stands however often it is made.
        answer = try await cashier.authorize(
          state.amount, id: state.paymentID, order: state.orderID, customer: state.userID,
          method: state.paymentMethod)
      } catch let problem as Problem where problem.isFinal {
        return .refused(code: "payment_refused", detail: problem.title)
      }
      switch answer {
      case .authorized, .captured:
        return .done(record: authorized(orders))
      case .declined(let code): return .refused(code: "payment_declined", detail: code)
      case .canceled: return .refused(code: "payment_canceled")
      case .requiresAction, .processing:
        guard !attempt.timedOut else { return .refused(code: OrderEnd.expired) }
        return .waiting(for: paymentMoved, atMost: configuration.paymentWindow) { state, transaction in
          guard case .requiresAction(let action) = answer else { return }
          try orders.payment(
            of: state.orderID, .requireAction, reason: "payment_requires_action", action: action, in: transaction)
        }
      }
    } compensation: { attempt in
      if attempt.state.amount.amount > 0 { try await cashier.cancel(attempt.state.paymentID) }
      return .done { state, transaction in
        try orders.payment(of: state.orderID, .void, reason: "payment_voided", in: transaction)
      }
    }
  }

  private static func authorized(_ orders: SettledOrders) -> SagaRecording<PlacementState> {
    { state, transaction in
      try orders.payment(of: state.orderID, .authorize, reason: "payment_authorized", in: transaction)
    }
  }

  private static func commit(_ stock: any StockKeeper) -> SagaStep<PlacementState> {
    SagaStep("commit", isPivot: true) { attempt in
      do {
        try await stock.commit(attempt.state.reservationID)
        return .done()
      } catch let problem as Problem where problem.isFinal {
        return .refused(code: "reservation_lost", detail: problem.title)
      }
    }
  }

  /// After the pivot: a refusal parks the saga, for somebody to look.
  private static func capture(_ orders: SettledOrders, _ cashier: any Cashier) -> SagaStep<PlacementState> {
    SagaStep("capture") { attempt in
      do {
        if attempt.state.amount.amount > 0 {
          switch try await cashier.capture(attempt.state.paymentID) {
          case .captured: break
          case .processing, .authorized, .requiresAction: return .waiting(for: paymentMoved, atMost: .seconds(30))
          case .declined(let code): return .refused(code: "capture_refused", detail: code)
          case .canceled: return .refused(code: "capture_refused", detail: "the payment is canceled")
          }
        }
      } catch let problem as Problem where problem.isFinal {
        return .refused(code: "capture_refused", detail: problem.title)
      }
      return .done { state, transaction in
        try orders.payment(of: state.orderID, .capture, reason: "payment_captured", in: transaction)
      }
    }
  }
}
