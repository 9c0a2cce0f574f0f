import Foundation
import GravityContracts
import GravityData
import GravitySaga
import OrderAPI

/// What the saga of an order that is taken back knows.
struct CancellationState: Codable, Sendable {
  var orderID: UUID
  var reservationID: UUID
  var paymentID: UUID
  /// One refund for each cancellation.
  var refundID: UUID
  var amount: Money

  enum CodingKeys: String, CodingKey {
    case amount
    case orderID = "order_id"
    case reservationID = "reservation_id"
    case paymentID = "payment_id"
    case refundID = "refund_id"
  }
}

/// **refund** → put the stock back. The refund is the pivot: when it is refused, the order stays as it is.
enum CancellationSaga {
  /// How long a refund may be pending.
  private static let refundWindow: Duration = .seconds(7 * 86_400)
  static let refundMoved = "refund.moved"

  static func make(
    _ orders: SettledOrders, stock: any StockKeeper, cashier: any Cashier
  ) -> Saga<CancellationState> {
    Saga(
      "order.cancellation", orderedBy: OrderCore.order,
      steps: [
        SagaStep("refund", isPivot: true) { attempt in
          let state = attempt.state
          let answer: RefundAnswer
          do {
            answer =
              state.amount.amount == 0 ? .succeeded : try await cashier.refund(state.paymentID, id: state.refundID)
          } catch let problem as Problem where problem.isFinal {
            return .refused(code: "refund_refused", detail: problem.title)
          }
          switch answer {
          case .succeeded:
            return .done { state, transaction in
              try orders.payment(of: state.orderID, .refund, reason: "payment_refunded", in: transaction)
            }
          case .failed: return .refused(code: "refund_failed")
          case .pending:
            guard !attempt.timedOut else { return .refused(code: "refund_failed") }
            return .waiting(for: refundMoved, atMost: refundWindow)
          }
        },
        SagaStep("restock") { attempt in
          try await stock.takeBack(attempt.state.reservationID)
          return .done()
        },
      ]
    ) { ending, state, _, transaction in try orders.end(ending, state, in: transaction) }
  }
}
