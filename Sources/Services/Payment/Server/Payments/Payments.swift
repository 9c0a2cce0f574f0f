import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import PaymentAPI

/// What is done with payments. Each operation keeps what it is about to ask of the provider in its first transaction,
/// asks outside of any, and has the answer recorded in another.
struct Payments: Sendable {
  let core: PaymentCore
  let calls: ProviderCalls
  let reconciler: Reconciler

  /// What an operation's first transaction left: which payment, and what is to be asked about it now. Kept under the
  /// client's key, so that a repeat finds the payment and asks nothing.
  struct Begun: Codable, Sendable {
    var payment: UUID
    var attemptID: UUID?
    /// What was read and written, for the call that did it; a repeat reads it anew.
    var row: PaymentRow?
    var attempt: AttemptRow?

    init(_ row: PaymentRow, _ attempt: AttemptRow? = nil) {
      payment = row.id
      attemptID = attempt?.id
      self.row = row
      self.attempt = attempt
    }

    init(from decoder: any Decoder) throws {
      let members = try decoder.container(keyedBy: CodingKeys.self)
      payment = try members.decode(UUID.self, forKey: .payment)
      attemptID = try members.decodeIfPresent(UUID.self, forKey: .attemptID)
    }
    func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: CodingKeys.self)
      try members.encode(payment, forKey: .payment)
      try members.encodeIfPresent(attemptID, forKey: .attemptID)
    }
    enum CodingKeys: CodingKey { case payment, attemptID }
  }

  func create(_ request: NewPayment, once key: IdempotencyKey?) async throws -> Once<Payment> {
    let fields = try PaymentFields(checking: request, core.provider)
    let id = fields.id ?? core.newID()
    let begun = try await core.write(of: id, once: key) { [core] transaction, now in
      let store = PaymentStore(transaction)
      guard try !store.isBarred(id) else {
        throw Problem(409, "payment_canceled", "The payment was canceled before it was made")
      }
      var row = PaymentRow(id: id, fields: fields, provider: core.provider.name, at: now)
      let attempt = fields.confirms ? Self.authorize(&row, core, now) : nil
      // Without a look first: PostgreSQL takes that for a conflict with every neighbour that is being made.
      guard try store.insertIfAbsent(row) else {
        let row = try Self.existing(id, transaction)
        guard row.fingerprint == fields.fingerprint else {
          throw Problem(409, "payment_exists", "There is a payment of that id, with other content")
        }
        return Begun(row)
      }
      // A repeat of what was there before is answered above.
      if let customer = row.customerID, try PersonalDataHolder.isErased(customer, in: transaction) {
        throw Problem(409, "customer_erased", "The customer is erased: nothing is asked of them any more")
      }
      if let attempt { try AttemptStore(transaction).insert(attempt) }
      return Begun(row, attempt)
    }
    return try await finish(begun, failsWith: fields.confirms ? [.requiresPaymentMethod] : [])
  }

  func confirm(_ request: PaymentConfirmation, once key: IdempotencyKey?) async throws -> Once<Payment> {
    let method = try request.paymentMethod.map { try PaymentFields.checked($0, core.provider) }
    let begun = try await core.write(of: request.id, once: key) { [core] transaction, now in
      var row = try Self.existing(request.id, transaction)
      switch TransitionTable.ruling(row.stage, .confirm) {
      case .goes:
        row.paymentMethod = method ?? row.paymentMethod
        guard row.paymentMethod != nil else { throw Problem.invalid("payment_method", "required", "is missing") }
        let attempt = Self.authorize(&row, core, now)
        try AttemptStore(transaction).insert(attempt)
        try core.save(&row, transaction, now)
        return Begun(row, attempt)
      case .repeats where method == nil || method == row.paymentMethod: return Begun(row)
      case .repeats, .stays, .refused: throw PaymentOperation.confirm.refused(in: row.stage)
      }
    }
    return try await finish(begun, failsWith: [.requiresPaymentMethod])
  }

  func capture(_ request: PaymentCapture, once key: IdempotencyKey?) async throws -> Once<Payment> {
    if let amount = request.amount, amount.amount < 1 {
      throw Problem.invalid("amount.amount", "range", "must be from 1 to \(Money.greatest)")
    }
    let begun = try await core.write(of: request.id, once: key) { [core] transaction, now in
      var row = try Self.existing(request.id, transaction)
      if let amount = request.amount { try Self.requireCurrency(of: row, amount) }
      switch TransitionTable.ruling(row.stage, .capture) {
      case .goes(let stage):
        let amount = request.amount?.amount ?? row.held
        guard amount <= row.held else {
          throw Problem.amountTooLarge("capturable", row.money(row.held))
        }
        let attempt = try core.begin(
          .capture, of: &row, amount: amount, isFinalCapture: request.finalCapture ?? false, transaction, now)
        (row.stage, row.attemptID, row.failure) = (stage, attempt.id, nil)
        try core.save(&row, transaction, now)
        return Begun(row, attempt)
      case .repeats where try Self.isRepeat(request, of: row, transaction): return Begun(row)
      case .repeats, .stays, .refused: throw PaymentOperation.capture.refused(in: row.stage)
      }
    }
    return try await finish(begun, failsWith: [.authorized, .partlyCaptured])
  }

  func release(_ id: UUID, once key: IdempotencyKey?) async throws -> Once<Payment> {
    let begun = try await core.write(of: id, once: key) { [core] transaction, now in
      var row = try Self.existing(id, transaction)
      switch TransitionTable.ruling(row.stage, .release) {
      case .goes(let stage):
        let attempt = try Self.void(&row, to: stage, core, transaction, now)
        return Begun(row, attempt)
      case .repeats: return Begun(row)
      case .stays, .refused: throw PaymentOperation.release.refused(in: row.stage)
      }
    }
    return try await finish(begun)
  }

  // MARK: What they share

  /// Asks what was begun, if this call began it, and gives the payment as it is then.
  /// - Parameter stages: Where a payment stands whose last attempt has failed; its failure is thrown.
  /// - Parameter stages: Where a payment stands whose last attempt has failed; its failure is thrown.
  private func finish(_ begun: Once<Begun>, failsWith stages: Set<Stage> = []) async throws -> Once<Payment> {
    let row = try await settle(begun)
    if begun.isReplay, let id = begun.value.attemptID {
      // What this call came to, whatever came after it.
      let attempt = try await core.read { transaction, _ in try AttemptStore(transaction).find(id) }
      if let failure = attempt?.paymentFailure { throw Problem(failure, of: row) }
    } else if let failure = row.failure, stages.contains(row.stage) {
      throw Problem(failure, of: row)
    }
    return Once(row.payment, isReplay: begun.isReplay)
  }

  /// Asks what was begun, if this call began it, and gives the payment as it is then.
  func settle(_ begun: Once<Begun>) async throws -> PaymentRow {
    if let row = begun.value.row, let attempt = begun.value.attempt {
      return try await calls.perform(attempt, of: row)
    }
    // Whoever asks again may find that the process which asked first is gone.
    let id = begun.value.payment
    return try await reconciler.settle(try await core.read { transaction, _ in try Self.existing(id, transaction) })
  }

  static func existing(_ id: UUID, _ transaction: any Transaction) throws -> PaymentRow {
    guard let row = try PaymentStore(transaction).find(id) else { throw Problem.notFound("payment") }
    return row
  }

  static func requireCurrency(of row: PaymentRow, _ amount: Money) throws {
    guard amount.currency == row.currency else {
      throw Problem.invalid("amount.currency", "currency", "must be the payment's, \(row.currency)")
    }
  }

  /// Begins a void and moves the payment on.
  static func void(
    _ row: inout PaymentRow, to stage: Stage, _ core: PaymentCore, _ transaction: any Transaction, _ now: Date
  ) throws -> AttemptRow {
    let attempt = try core.begin(.void, of: &row, amount: row.toRelease, transaction, now)
    (row.stage, row.attemptID, row.action) = (stage, attempt.id, nil)
    try core.save(&row, transaction, now)
    return attempt
  }

  /// The next authorization, not kept yet, which moves the payment on.
  private static func authorize(_ row: inout PaymentRow, _ core: PaymentCore, _ now: Date) -> AttemptRow {
    let attempt = core.next(.authorize, of: &row, amount: row.amount, now)
    (row.stage, row.attemptID, row.failure, row.action) = (.authorizing, attempt.id, nil, nil)
    return attempt
  }

  /// Whether the same was asked before: all that is held, the amount under way, or the sum that was taken.
  private static func isRepeat(
    _ request: PaymentCapture, of row: PaymentRow, _ transaction: any Transaction
  ) throws -> Bool {
    guard let amount = request.amount?.amount else { return true }
    guard row.stage != .succeeded else { return amount == row.captured }
    let attempt = try row.attemptID.flatMap { try AttemptStore(transaction).find($0) }
    return attempt?.operation == .capture && attempt?.amount == amount
  }
}

extension Problem {
  /// 402: why money could not be held or taken.
  init(_ failure: PaymentFailure, of row: PaymentRow) {
    let isDecline = failure.code == "card_declined"
    self.init(
      402, ProblemCode(rawValue: failure.code),
      isDecline ? "The payment was declined" : "The money could not be taken", detail: failure.message,
      extensions: [
        "decline_code": failure.declineCode.map { .string($0) } ?? .null, "payment_id": .string(row.id.lowercased),
      ])
  }

  /// 422, with what is possible.
  static func amountTooLarge(_ name: String, _ greatest: Money) -> Problem {
    Problem(
      422, "amount_too_large", "The amount is larger than what is \(name)",
      extensions: [
        name: .object(["amount": .integer(greatest.amount), "currency": .string(greatest.currency.code)])
      ])
  }
}
