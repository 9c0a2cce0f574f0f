public import Foundation
public import GravityContracts
public import GravityData
import PaymentAPI

/// A provider that is not there: it decides by the method's name alone, keeps books of its own, and never sleeps.
public struct Simulator: ActionCompletingProvider {
  public struct Configuration: Sendable, Hashable {
    /// Seconds until a charge of `pm_sim_late_success` succeeds.
    public var lateSuccessDelay: TimeInterval = 2
    /// Seconds for which money is held.
    public var authorizationLifetime: TimeInterval = 7 * 86_400

    public init() {}
  }

  public let name = "simulator"
  private let database: any Database
  private let configuration: Configuration
  private let clock: ServiceClock
  private let newID: @Sendable () -> UUID

  /// - Parameter database: One with the tables of payment_db.
  public init(
    database: any Database, configuration: Configuration = .init(), clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) {
    self.database = database
    self.configuration = configuration
    self.clock = clock
    self.newID = newID
  }

  public func accepts(paymentMethod: String) -> Bool { SimulatorMethod(rawValue: paymentMethod) != nil }

  public func authorize(_ request: ProviderAuthorization) async throws -> ProviderAnswer {
    let method = SimulatorMethod(rawValue: request.paymentMethod)
    let answer = try await write(of: request.key) { [configuration, newID] books, now in
      var charge = ChargeRow(
        key: request.key, id: newID(), payment: request.paymentID, method: request.paymentMethod,
        amount: request.amount, capturesAtOnce: request.capturesAtOnce, status: .declined,
        expiresAt: now.addingTimeInterval(configuration.authorizationLifetime), at: now)
      switch method {
      case .approve, .timeout: charge.approve()
      case .requiresAction: charge.status = .requiresAction
      case .lateSuccess:
        charge.status = .pending
        charge.succeedsAt = now.addingTimeInterval(configuration.lateSuccessDelay)
      case .declineInsufficientFunds, .declineExpiredCard: charge.refusal = method?.refusal
      case nil: charge.refusal = ProviderRefusal(code: "invalid_method", message: "There is no such method.")
      }
      if try books.insertIfAbsent(charge) { return charge.answer }
      let former = try books.charge(request.key)?.settled(at: now)
      guard let former, former.status == .barred || former.isOf(request) else {
        throw ProviderKeyReused(key: request.key)
      }
      return former.answer
    }
    if method?.losesAnswer == true { throw ProviderTimeout(key: request.key) }
    return answer
  }

  public func capture(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await change("capture", request) { charge, now in
      guard var charge, charge.status == .authorized else { return (charge, .failed(.notHeld)) }
      guard charge.expiresAt > now else {
        return (charge, .failed(.init(code: "authorization_expired", message: "The authorization has expired.")))
      }
      guard request.amount.amount <= charge.amount - charge.captured else { return (charge, .failed(.tooMuch)) }
      charge.captured += request.amount.amount
      return (charge, .captured(reference: "cp_\(request.key)"))
    }
  }

  public func void(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await change("void", request) { [configuration, newID] charge, now in
      guard var charge else {
        // Should it still arrive, it is refused.
        return (
          ChargeRow(
            key: request.authorizationKey, id: newID(), payment: request.paymentID, method: "",
            amount: request.amount, capturesAtOnce: false, status: .barred,
            expiresAt: now.addingTimeInterval(configuration.authorizationLifetime), at: now), .voided
        )
      }
      switch charge.status {
      case .authorized where charge.capturesAtOnce: return (charge, .captured(reference: charge.reference))
      case .authorized, .pending, .requiresAction: charge.status = .voided
      case .declined, .voided, .barred: break
      }
      return (charge, .voided)
    }
  }

  public func refund(_ request: ProviderChange) async throws -> ProviderAnswer {
    try await change("refund", request) { charge, _ in
      guard var charge else { return (nil, .failed(.notHeld)) }
      guard request.amount.amount <= charge.captured - charge.refunded else { return (charge, .failed(.tooMuch)) }
      charge.refunded += request.amount.amount
      return (charge, .refunded(reference: "re_\(request.key)"))
    }
  }

  public func retrieve(_ query: ProviderQuery) async throws -> ProviderAnswer {
    try await database.read { [clock] transaction in
      let (books, now) = (SimulatorBooks(transaction), try clock.inTransaction(transaction))
      guard query.operation == .authorize else { return try books.operation(query.key)?.answer ?? .notFound }
      return try books.charge(query.key)?.settled(at: now).answer ?? .notFound
    }
  }

  public func completeAction(key: String, succeeds: Bool) async throws -> ProviderAnswer {
    try await write(of: key) { books, now in
      guard var charge = try books.charge(key)?.settled(at: now) else { return .notFound }
      guard charge.status == .requiresAction else { return charge.answer }
      if succeeds {
        charge.approve()
      } else {
        charge.status = .declined
        charge.refusal = ProviderRefusal(code: "authentication_failed", message: "The payer failed the challenge.")
      }
      try books.update(charge)
      return charge.answer
    }
  }

  public func webhook(_ delivery: WebhookDelivery) throws -> ProviderNotice {
    try WebhookSignature.verify(delivery)
    struct Notice: Decodable { var key: String }
    guard let notice = try? JSONDecoder().decode(Notice.self, from: delivery.body) else {
      throw WebhookRefusal.malformedBody
    }
    return ProviderNotice(key: notice.key)
  }

  /// Does something with a charge once under its key.
  private func change(
    _ operation: String, _ request: ProviderChange,
    _ body: @escaping @Sendable (ChargeRow?, Date) throws -> (ChargeRow?, ProviderAnswer)
  ) async throws -> ProviderAnswer {
    try await write(of: request.authorizationKey) { books, now in
      if let done = try books.operation(request.key) {
        guard done.operation == operation, done.chargeKey == request.authorizationKey,
          done.amount == request.amount.amount
        else { throw ProviderKeyReused(key: request.key) }
        return done.answer
      }
      let found = try books.charge(request.authorizationKey)
      let (charge, answer) = try body(found?.settled(at: now), now)
      if let charge, charge != found {
        if found == nil { try books.insertIfAbsent(charge) } else { try books.update(charge) }
      }
      // Of what it found, a void tells by itself each time.
      if operation != "void" || answer == .voided {
        try books.insert(
          OperationRow(
            key: request.key, operation: operation, chargeKey: request.authorizationKey,
            amount: request.amount.amount, answer), at: now)
      }
      return answer
    }
  }

  /// What happens to one charge is ordered; no two have anything in common.
  private func write<T: Sendable>(
    of charge: String, _ body: @escaping @Sendable (SimulatorBooks, Date) throws -> T
  ) async throws -> T {
    try await database.write { [clock] transaction in
      try transaction.order(by: "simulated charge \(charge)")
      return try body(SimulatorBooks(transaction), clock.inTransaction(transaction).roundedToMicroseconds)
    }
  }
}

extension ChargeRow {
  fileprivate func isOf(_ request: ProviderAuthorization) -> Bool {
    paymentID == request.paymentID && amount == request.amount.amount && currency == request.amount.currency
      && paymentMethod == request.paymentMethod && capturesAtOnce == request.capturesAtOnce
  }
}

extension ProviderRefusal {
  fileprivate static var notHeld: ProviderRefusal {
    ProviderRefusal(code: "not_held", message: "Nothing is held under that authorization.")
  }
  fileprivate static var tooMuch: ProviderRefusal {
    ProviderRefusal(code: "amount_too_large", message: "That is more than there is.")
  }
}
