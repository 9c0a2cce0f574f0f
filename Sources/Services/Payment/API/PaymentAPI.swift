public import GravityContracts

/// What others may know of the payment service: port 8005, database payment_db.
public enum PaymentAPI {
  /// Where the service is found.
  public static let service = "payment"
  public static let standardPort = 8005

  public static let readPermission: Permission = "payments:read"
  public static let writePermission: Permission = "payments:write"

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] = [
    createPayment, payments, payment, paymentForServices, attempts, confirm, completeAction, capture, release, cancel,
    createRefund, refunds, refund, webhook, ledgerBalance, ledgerAccounts, ledgerTransfers, simulatorCharges,
  ]
}

// MARK: - Payments

extension PaymentAPI {
  /// A repeat under the same `id` with the same content gives the payment as it is; a decline is told again, and not
  /// tried again.
  public static let createPayment = Endpoint<NewPayment, Payment>(
    "createPayment", .post, "/api/v1/payments", access: .permission(writePermission),
    summary: "Ask for money; with `confirm` the provider is asked at once", success: 201, idempotency: .accepted,
    problems: ["card_declined", "payment_exists", "payment_canceled", "customer_erased"])

  public static let payments = Endpoint<PaymentSearch, Page<Payment>>(
    "payments", .get, "/api/v1/payments", access: .authenticated,
    summary: "One's own payments, newest first; everybody's with payments:read")

  public static let payment = Endpoint<PaymentID, Payment>(
    "payment", .get, "/api/v1/payments/{payment_id}", access: .authenticated,
    summary: "One's own payment; anybody's with payments:read", owned: true, problems: ["not_found"])

  /// The same for services, whose tokens belong to no user.
  public static let paymentForServices = Endpoint<PaymentID, Payment>(
    "paymentForServices", .get, "/api/v1/payments/{payment_id}/full", access: .permission(readPermission),
    summary: "Anybody's payment", problems: ["not_found"])

  public static let attempts = Endpoint<PaymentID, PaymentAttemptList>(
    "paymentAttempts", .get, "/api/v1/payments/{payment_id}/attempts", access: .permission(readPermission),
    summary: "What was asked of the provider for a payment, in order", problems: ["not_found"])

  public static let confirm = Endpoint<PaymentConfirmation, Payment>(
    "confirmPayment", .post, "/api/v1/payments/{payment_id}/confirm", access: .permission(writePermission),
    summary: "Ask the provider for the money, after a decline with another method", idempotency: .accepted,
    problems: ["not_found", "card_declined", "invalid_state"])

  /// Only where the provider lets the platform play the bank: the simulator.
  public static let completeAction = Endpoint<ActionCompletion, Payment>(
    "completePaymentAction", .post, "/api/v1/payments/{payment_id}/next-action", access: .authenticated,
    summary: "Do what `next_action` asks for, or fail at it", owned: true,
    problems: ["not_found", "card_declined", "invalid_state"])

  public static let capture = Endpoint<PaymentCapture, Payment>(
    "capturePayment", .post, "/api/v1/payments/{payment_id}/capture", access: .permission(writePermission),
    summary: "Take what is held, or a part of it", idempotency: .accepted,
    problems: ["not_found", "invalid_state", "amount_too_large", "capture_failed"])

  public static let release = Endpoint<PaymentID, Payment>(
    "releasePayment", .post, "/api/v1/payments/{payment_id}/release", access: .permission(writePermission),
    summary: "Give up what is held beyond what was captured", idempotency: .accepted,
    problems: ["not_found", "invalid_state"])

  /// Of an id that was never seen, a tombstone is kept: the payment can never be made.
  public static let cancel = Endpoint<PaymentCancel, PaymentCancellation>(
    "cancelPayment", .post, "/api/v1/payments/{payment_id}/cancel", access: .permission(writePermission),
    summary: "See to it that nothing is held or taken; also of a payment that does not exist yet",
    idempotency: .accepted, problems: ["invalid_state"])
}

// MARK: - Refunds

extension PaymentAPI {
  public static let createRefund = Endpoint<NewRefund, Refund>(
    "createRefund", .post, "/api/v1/payments/{payment_id}/refunds", access: .permission(writePermission),
    summary: "Give back what was captured, or a part of it", success: 201, idempotency: .accepted,
    problems: ["not_found", "invalid_state", "amount_too_large", "refund_exists"])

  public static let refunds = Endpoint<PaymentID, RefundList>(
    "refunds", .get, "/api/v1/payments/{payment_id}/refunds", access: .authenticated,
    summary: "The refunds of one's own payment; of anybody's with payments:read", owned: true,
    problems: ["not_found"])

  public static let refund = Endpoint<RefundID, Refund>(
    "refund", .get, "/api/v1/payments/{payment_id}/refunds/{refund_id}", access: .permission(readPermission),
    problems: ["not_found"])
}

// MARK: - Providers

extension PaymentAPI {
  /// Believed by the signature over its bytes, not by a token; taken for a hint to ask the provider, so it may come
  /// twice, late and in any order.
  public static let webhook = Endpoint<WebhookSender, Empty>(
    "receivePaymentWebhook", .post, "/api/v1/payments/webhooks/{provider}", access: .public,
    summary: "For the payment provider: signed as Stripe signs, at most 64 KiB", success: 204,
    body: .content(types: ["application/json"], limit: 64 << 10), problems: ["not_found", "invalid_webhook"])
}

// MARK: - The ledger

extension PaymentAPI {
  public static let ledgerBalance = Endpoint<Empty, LedgerBalance>(
    "ledgerBalance", .get, "/api/v1/payments/ledger/balance", access: .permission(readPermission),
    summary: "Debits and credits by currency and account, and what they are held against")

  public static let ledgerAccounts = Endpoint<Empty, LedgerAccountList>(
    "ledgerAccounts", .get, "/api/v1/payments/ledger/accounts", access: .permission(readPermission),
    summary: "Every account that has moved")

  public static let ledgerTransfers = Endpoint<LedgerTransferSearch, Page<LedgerTransfer>>(
    "ledgerTransfers", .get, "/api/v1/payments/ledger/transfers", access: .permission(readPermission),
    summary: "The transfers by age: adding them up gives the balance")

  public static let simulatorCharges = Endpoint<SimulatorChargeSearch, Page<SimulatorCharge>>(
    "simulatorCharges", .get, "/api/v1/payments/simulator/charges", access: .permission(readPermission),
    summary: "The simulated provider's own statement: what it holds and has taken, by its own books")
}
