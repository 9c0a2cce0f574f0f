import GravityData
import PaymentAPI

/// Where a payment stands, finer than ``PaymentStatus`` tells: which question to the provider is open, and whether a
/// part was captured.
enum Stage: String, Sendable, Hashable, CaseIterable, SQLBindable, SQLDecodable {
  case requiresPaymentMethod = "requires_payment_method"
  case requiresConfirmation = "requires_confirmation"
  case requiresAction = "requires_action"
  /// The provider was asked to hold (or at once take) the money.
  case authorizing
  /// All of it is held.
  case authorized
  /// The first capture is under way.
  case capturing
  /// A part was captured, the rest is held.
  case partlyCaptured = "partly_captured"
  /// Another capture is under way.
  case capturingMore = "capturing_more"
  /// What was not captured is being released; the payment stays.
  case releasing
  /// The payment is being canceled: what is held, or might be, is being released.
  case voiding
  /// The payment is being canceled: what was captured meanwhile is being given back.
  case givingBack = "giving_back"
  case succeeded
  case canceled

  var status: PaymentStatus {
    switch self {
    case .requiresPaymentMethod: .requiresPaymentMethod
    case .requiresConfirmation: .requiresConfirmation
    case .requiresAction: .requiresAction
    case .authorizing, .capturing, .capturingMore, .releasing, .voiding, .givingBack: .processing
    case .authorized, .partlyCaptured: .requiresCapture
    case .succeeded: .succeeded
    case .canceled: .canceled
    }
  }

  /// What the provider is asked to do in this stage.
  var question: AttemptOperation? {
    switch self {
    case .authorizing: .authorize
    case .capturing, .capturingMore: .capture
    case .releasing, .voiding: .void
    case .givingBack: .refund
    case .requiresPaymentMethod, .requiresConfirmation, .requiresAction, .authorized, .partlyCaptured, .succeeded,
      .canceled:
      nil
    }
  }
}

/// What somebody may ask of a payment; the names are those that `allowed` lists.
enum PaymentOperation: String, Sendable, Hashable, CaseIterable {
  case confirm
  case completeAction = "complete_action"
  case capture, release, cancel, refund
}

/// What the provider's answer means for the payment.
enum PaymentOutcome: String, Sendable, Hashable, CaseIterable {
  case actionRequired, authorized, declined
  /// Authorized and taken in one step.
  case paid
  case captured, captureFailed
  case voided, voidFailed
  case givenBack, giveBackFailed
  /// The provider never heard of the question, and somebody wants the payment canceled.
  case neverAsked
}
