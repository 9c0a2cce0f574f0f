public import Foundation
public import GravityContracts
public import GravityDiscovery
import PaymentAPI

/// Asks the payment service over HTTP.
public struct RemoteCashier: Cashier {
  private let payment: EndpointClient

  /// - Parameter payment: With a service token that carries `payments:write` and `payments:read`.
  public init(payment: EndpointClient) { self.payment = payment }

  public func authorize(
    _ amount: Money, id: UUID, order: UUID, customer: UUID, method: String
  ) async throws -> CashierAnswer {
    do {
      let made = try await payment(
        PaymentAPI.createPayment,
        NewPayment(
          id: id, orderID: order, customerID: customer, amount: amount, paymentMethod: method,
          captureMethod: .manual, confirm: true))
      return CashierAnswer(made)
    } catch let problem as Problem where problem.code == "card_declined" {
      guard case .string(let code)? = problem.extensions["decline_code"] else { return .declined(code: nil) }
      return .declined(code: code)
    } catch let problem as Problem where problem.code == "payment_canceled" {
      return .canceled
    }
  }

  public func cancel(_ id: UUID) async throws {
    // One that is pending is certain, too.
    _ = try await payment(PaymentAPI.cancel, PaymentCancel(id: id))
  }

  public func capture(_ id: UUID) async throws -> CashierAnswer {
    do {
      return CashierAnswer(try await payment(PaymentAPI.capture, PaymentCapture(id: id)))
    } catch let problem as Problem where problem.code == "invalid_state" {
      // It may have been captured by the call before, whose answer was lost, or be under way.
      let found = CashierAnswer(try await payment(PaymentAPI.paymentForServices, PaymentID(id: id)))
      guard found != .authorized else { throw problem }
      return found
    }
  }

  public func refund(_ id: UUID, id refund: UUID) async throws -> RefundAnswer {
    let made = try await payment(
      PaymentAPI.createRefund, NewRefund(paymentID: id, id: refund, reason: "order canceled"))
    switch made.status {
    case .known(.succeeded): return .succeeded
    case .known(.failed): return .failed
    case .known(.pending), .unknown: return .pending
    }
  }
}

extension CashierAnswer {
  init(_ payment: Payment) {
    switch payment.status {
    case .known(.requiresCapture): self = .authorized
    case .known(.succeeded): self = .captured
    case .known(.canceled): self = .canceled
    case .known(.requiresAction): self = .requiresAction(payment.nextAction?.url ?? "")
    case .known(.requiresPaymentMethod): self = .declined(code: payment.lastError?.declineCode)
    case .known(.processing), .known(.requiresConfirmation), .unknown:
      self = payment.cancellationPending ? .canceled : .processing
    }
  }
}
