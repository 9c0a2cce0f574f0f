/// Which operation is allowed when, and where each answer of the provider leads: the only place that decides.
enum TransitionTable {
  /// What becomes of an operation.
  enum Ruling: Sendable, Hashable {
    /// The payment goes on to that stage.
    case goes(to: Stage)
    /// It is carried out, and the stage stays.
    case stays
    /// It was done or is being done: the payment is given as it is, if the same was asked.
    case repeats
    /// 409 `invalid_state`.
    case refused
  }

  static func ruling(_ stage: Stage, _ operation: PaymentOperation) -> Ruling {
    operations[stage]?[operation] ?? .refused
  }

  /// What a client is told it may do.
  static func allowed(in stage: Stage) -> [PaymentOperation] {
    PaymentOperation.allCases.filter { operation in
      switch ruling(stage, operation) {
      case .goes, .stays: true
      case .repeats, .refused: false
      }
    }
  }

  /// Where the payment goes when the provider has answered.
  /// - Returns: nil when that answer has no place in that stage.
  static func next(_ stage: Stage, _ outcome: PaymentOutcome, _ facts: Facts) -> Stage? {
    outcomes[stage]?[outcome]?.first { $0.condition.holds(facts) }?.next
  }

  static let operations: [Stage: [PaymentOperation: Ruling]] = [
    .requiresPaymentMethod: [
      .confirm: .goes(to: .authorizing), .completeAction: .refused, .capture: .refused, .release: .refused,
      .cancel: .goes(to: .canceled), .refund: .refused,
    ],
    .requiresConfirmation: [
      .confirm: .goes(to: .authorizing), .completeAction: .refused, .capture: .refused, .release: .refused,
      .cancel: .goes(to: .canceled), .refund: .refused,
    ],
    .requiresAction: [
      .confirm: .repeats, .completeAction: .goes(to: .authorizing), .capture: .refused, .release: .refused,
      .cancel: .goes(to: .voiding), .refund: .refused,
    ],
    .authorizing: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .refused, .release: .refused, .cancel: .stays,
      .refund: .refused,
    ],
    .authorized: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .goes(to: .capturing), .release: .refused,
      .cancel: .goes(to: .voiding), .refund: .refused,
    ],
    .capturing: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .repeats, .release: .refused, .cancel: .stays,
      .refund: .refused,
    ],
    .partlyCaptured: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .goes(to: .capturingMore),
      .release: .goes(to: .releasing), .cancel: .refused, .refund: .stays,
    ],
    .capturingMore: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .repeats, .release: .refused, .cancel: .refused,
      .refund: .stays,
    ],
    .releasing: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .refused, .release: .repeats, .cancel: .refused,
      .refund: .stays,
    ],
    .voiding: [
      .confirm: .refused, .completeAction: .refused, .capture: .refused, .release: .refused, .cancel: .repeats,
      .refund: .refused,
    ],
    .givingBack: [
      .confirm: .refused, .completeAction: .refused, .capture: .refused, .release: .refused, .cancel: .repeats,
      .refund: .refused,
    ],
    .succeeded: [
      .confirm: .repeats, .completeAction: .repeats, .capture: .repeats, .release: .repeats, .cancel: .refused,
      .refund: .stays,
    ],
    .canceled: [
      .confirm: .refused, .completeAction: .refused, .capture: .refused, .release: .refused, .cancel: .repeats,
      .refund: .refused,
    ],
  ]

  /// The first row whose condition holds decides.
  static let outcomes: [Stage: [PaymentOutcome: [Row]]] = [
    // The payer may be done with it before anybody here hears of it.
    .requiresAction: answersToAuthorization,
    .authorizing: answersToAuthorization,
    .capturing: [
      .captured: [
        Row(.canceling(restHeld: true), .voiding), Row(.canceling(), .givingBack), Row(.releasingRest, .releasing),
        Row(.restHeld, .partlyCaptured), Row(.always, .succeeded),
      ],
      .captureFailed: [Row(.canceling(), .voiding), Row(.always, .authorized)],
      .neverAsked: [Row(.canceling(), .voiding)],
    ],
    .capturingMore: [
      .captured: [Row(.releasingRest, .releasing), Row(.restHeld, .partlyCaptured), Row(.always, .succeeded)],
      .captureFailed: [Row(.always, .partlyCaptured)],
    ],
    .releasing: [.voided: [Row(.always, .succeeded)], .voidFailed: [Row(.always, .releasing)]],
    .voiding: [
      .voided: [Row(.taken, .givingBack), Row(.always, .canceled)], .voidFailed: [Row(.always, .voiding)],
      // The payer was done with it, and it was taken in one step, before the provider heard of the cancel.
      .paid: [Row(.always, .givingBack)],
    ],
    .givingBack: [.givenBack: [Row(.always, .canceled)], .giveBackFailed: [Row(.always, .givingBack)]],
  ]

  private static let answersToAuthorization: [PaymentOutcome: [Row]] = [
    .actionRequired: [Row(.canceling(), .voiding), Row(.always, .requiresAction)],
    .authorized: [Row(.canceling(), .voiding), Row(.always, .authorized)],
    .paid: [Row(.canceling(), .givingBack), Row(.always, .succeeded)],
    .declined: [Row(.canceling(), .canceled), Row(.always, .requiresPaymentMethod)],
    .neverAsked: [Row(.canceling(), .voiding)],
  ]

  struct Row: Sendable, Hashable {
    var condition: Condition
    var next: Stage
    init(_ condition: Condition, _ next: Stage) {
      self.condition = condition
      self.next = next
    }
  }

  enum Condition: Sendable, Hashable {
    case always
    /// Somebody wants it canceled; with `restHeld` only while something is held besides.
    case canceling(restHeld: Bool = false)
    /// Something is held that no capture is to take any more.
    case releasingRest
    case restHeld
    /// Something was captured and not given back.
    case taken

    func holds(_ facts: Facts) -> Bool {
      switch self {
      case .always: true
      case .canceling(let restHeld): facts.isCanceling && (!restHeld || facts.isRestHeld)
      case .releasingRest: facts.isFinalCapture && facts.isRestHeld
      case .restHeld: facts.isRestHeld
      case .taken: facts.isTaken
      }
    }
  }

  /// What is true of a payment after the provider's answer was counted in.
  struct Facts: Sendable, Hashable {
    var isCanceling = false
    var isFinalCapture = false
    var isRestHeld = false
    var isTaken = false
  }
}
