import Foundation
import GravityContracts
import GravityHTTP
import PaymentAPI

extension PaymentService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindPayments(&routes)
    bindReading(&routes)
    bindRefunds(&routes)
    bindProviders(&routes)
    bindLedger(&routes)
    bindPersonalData(&routes)
  }

  private func bindPayments(_ routes: inout Routes) {
    let (payments, cancellations, actions) = (payments, cancellations, actions)
    routes.on(PaymentAPI.createPayment) { request, scope in
      scope.unwrap(try await payments.create(request, once: scope.idempotencyKey))
    }
    routes.on(PaymentAPI.confirm) { request, scope in
      scope.unwrap(try await payments.confirm(request, once: scope.idempotencyKey))
    }
    routes.on(PaymentAPI.completeAction) { request, scope in
      try await actions.complete(request, by: scope.principal)
    }
    routes.on(PaymentAPI.capture) { request, scope in
      scope.unwrap(try await payments.capture(request, once: scope.idempotencyKey))
    }
    routes.on(PaymentAPI.release) { request, scope in
      scope.unwrap(try await payments.release(request.id, once: scope.idempotencyKey))
    }
    routes.on(PaymentAPI.cancel) { request, scope in
      scope.unwrap(try await cancellations.cancel(request, once: scope.idempotencyKey))
    }
  }

  private func bindReading(_ routes: inout Routes) {
    let reader = reader
    routes.on(PaymentAPI.payments) { request, scope in try await reader.list(request, for: scope.principal) }
    routes.on(PaymentAPI.payment) { request, scope in
      try await reader.payment(request.id, for: scope.principal)
    }
    routes.on(PaymentAPI.paymentForServices) { request, _ in try await reader.payment(request.id) }
    routes.on(PaymentAPI.attempts) { request, _ in try await reader.attempts(of: request.id) }
  }

  private func bindRefunds(_ routes: inout Routes) {
    let (refunds, reader) = (refunds, reader)
    routes.on(PaymentAPI.createRefund) { request, scope in
      scope.unwrap(try await refunds.create(request, once: scope.idempotencyKey))
    }
    routes.on(PaymentAPI.refunds) { request, scope in
      try await reader.refunds(of: request.id, for: scope.principal)
    }
    routes.on(PaymentAPI.refund) { request, _ in try await reader.refund(request) }
  }

  private func bindProviders(_ routes: inout Routes) {
    let webhooks = webhooks
    routes.on(PaymentAPI.webhook) { request, scope in
      let content = scope.content
      try await webhooks.receive(
        content?.bytes ?? Data(), signature: content?.header(WebhookSignature.field) ?? "", from: request.provider)
      return Empty()
    }
  }

  private func bindLedger(_ routes: inout Routes) {
    let (ledger, statement) = (ledger, statement)
    routes.on(PaymentAPI.ledgerBalance) { _, _ in try await ledger.balance() }
    routes.on(PaymentAPI.ledgerAccounts) { _, _ in try await ledger.accounts() }
    routes.on(PaymentAPI.ledgerTransfers) { request, _ in try await ledger.transfers(request) }
    routes.on(PaymentAPI.simulatorCharges) { request, _ in try await statement.list(request) }
  }
}
