import Foundation
import GravityContracts
import GravityIdentity
import OrderAPI
import Synchronization
import Testbed

@testable import OrderServer

/// Tokens that say who bears them: `user <id> [permission …]`, `service <name>`.
struct FakeVerifier: TokenVerifier {
  static func token(_ user: UUID, _ permissions: [String] = []) -> String {
    (["user", user.lowercased] + permissions).joined(separator: "|")
  }
  static let service = "service|notification"

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let parts = token.split(separator: "|").map(String.init)
    guard parts.count >= 2 else { throw TokenRefusal(.invalid, "not a token of this test") }
    return Principal(
      subject: parts[1], tokenID: "t", permissions: parts.dropFirst(2).map { Permission(rawValue: $0) },
      issuedAt: .now, expiresAt: .distantFuture, isService: parts[0] == "service")
  }
}

/// A catalogue with prices that a test sets.
final class FakeCatalogue: Catalogue {
  private let state = Mutex<(prices: [String: [Currency: Int64]], isAway: Bool, asked: Int)>(([:], false, 0))
  let product = UUID.v7()

  func set(_ sku: String, _ amount: Int64, _ currency: Currency) {
    state.withLock { $0.prices[sku, default: [:]][currency] = amount }
  }
  func remove(_ sku: String) { state.withLock { $0.prices[sku] = nil } }
  var isAway: Bool {
    get { state.withLock { $0.isAway } }
    set { state.withLock { $0.isAway = newValue } }
  }
  var asked: Int { state.withLock { $0.asked } }

  func offers(_ skus: [String], in currency: Currency) async throws -> [String: CatalogueAnswer] {
    let (prices, isAway) = state.withLock { state in
      state.asked += 1
      return (state.prices, state.isAway)
    }
    guard !isAway else { throw Problem(503, "catalogue_unavailable", "Prices cannot be asked for now") }
    return Dictionary(
      uniqueKeysWithValues: skus.map { sku in
        guard let price = prices[sku] else { return (sku, .missing("unknown")) }
        guard let amount = price[currency] else { return (sku, .missing("no_price")) }
        return (sku, .offer(Offer(sku: sku, productID: product, title: "A \(sku)", price: Money(amount, currency)!)))
      })
  }
}

/// An inventory that keeps count, and can be told to fail.
final class FakeStock: StockKeeper {
  enum Reservation: Equatable { case active([RequestedLine]), committed([RequestedLine]), closed }
  private struct State {
    var stock: [String: Int64] = [:]
    var reservations: [UUID: Reservation] = [:]
    var failures: [String: Int] = [:]
    var calls: [String] = []
  }
  private let state = Mutex(State())

  func set(_ sku: String, _ quantity: Int64) { state.withLock { $0.stock[sku] = quantity } }
  /// The next calls of that name fail as if no answer came.
  func fail(_ call: String, times: Int) { state.withLock { $0.failures[call] = times } }
  var calls: [String] { state.withLock { $0.calls } }
  func reservation(_ id: UUID) -> Reservation? { state.withLock { $0.reservations[id] } }

  func available(_ sku: String) -> Int64 {
    state.withLock { state in
      let held = state.reservations.values.flatMap { reservation -> [RequestedLine] in
        switch reservation {
        case .active(let lines), .committed(let lines): lines
        case .closed: []
        }
      }
      return (state.stock[sku] ?? 0) - held.filter { $0.sku == sku }.reduce(0) { $0 + $1.quantity }
    }
  }

  private func call(_ name: String) throws {
    let fails = state.withLock { state in
      state.calls.append(name)
      guard let left = state.failures[name], left > 0 else { return false }
      state.failures[name] = left - 1
      return true
    }
    if fails { throw NoAnswer() }
  }

  func reserve(_ lines: [RequestedLine], id: UUID, for time: Duration) async throws {
    try call("reserve")
    switch reservation(id) {
    case .active, .committed: return
    case .closed: throw Problem(409, "reservation_closed", "closed")
    case nil: break
    }
    for line in lines where available(line.sku) < line.quantity {
      throw Problem(409, "insufficient_stock", "Not enough \(line.sku)")
    }
    state.withLock { $0.reservations[id] = .active(lines) }
  }
  func release(_ id: UUID) async throws {
    try call("release")
    state.withLock { $0.reservations[id] = .closed }
  }
  func commit(_ id: UUID) async throws {
    try call("commit")
    switch reservation(id) {
    case .active(let lines): state.withLock { $0.reservations[id] = .committed(lines) }
    case .committed: return
    case .closed, nil: throw Problem(409, "reservation_closed", "closed")
    }
  }
  func takeBack(_ id: UUID) async throws {
    try call("takeBack")
    state.withLock { $0.reservations[id] = .closed }
  }
}

/// A payment service that keeps count, and answers as the method says.
final class FakeCashier: Cashier {
  struct Charge: Equatable {
    var amount: Money
    var status: CashierAnswer
    var order: UUID
    var refunded = false
  }
  private struct State {
    var charges: [UUID: Charge] = [:]
    var barred: Set<UUID> = []
    var failures: [String: Int] = [:]
    var calls: [String] = []
    var refund: RefundAnswer = .succeeded
  }
  private let state = Mutex(State())

  func fail(_ call: String, times: Int) { state.withLock { $0.failures[call] = times } }
  func answerRefunds(_ answer: RefundAnswer) { state.withLock { $0.refund = answer } }
  func set(_ payment: UUID, _ status: CashierAnswer) { state.withLock { $0.charges[payment]?.status = status } }
  func charge(_ payment: UUID) -> Charge? { state.withLock { $0.charges[payment] } }
  var charges: [Charge] { state.withLock { Array($0.charges.values) } }
  var calls: [String] { state.withLock { $0.calls } }

  /// - Parameter after: whether the call has its effect before its answer is lost.
  private func call(_ name: String, _ effect: (inout State) -> Void) throws {
    let fails = state.withLock { state in
      state.calls.append(name)
      effect(&state)
      guard let left = state.failures[name], left > 0 else { return false }
      state.failures[name] = left - 1
      return true
    }
    if fails { throw NoAnswer() }
  }

  func authorize(
    _ amount: Money, id: UUID, order: UUID, customer: UUID, method: String
  ) async throws -> CashierAnswer {
    try call("authorize") { state in
      guard state.charges[id] == nil, !state.barred.contains(id) else { return }
      let status: CashierAnswer =
        switch method {
        case "pm_decline": .declined(code: "expired_card")
        case "pm_action": .requiresAction("/challenge")
        case "pm_slow": .processing
        default: .authorized
        }
      state.charges[id] = Charge(amount: amount, status: status, order: order)
    }
    return state.withLock { $0.barred.contains(id) ? .canceled : $0.charges[id]?.status ?? .canceled }
  }
  func cancel(_ id: UUID) async throws {
    try call("cancel") { state in
      state.barred.insert(id)
      if state.charges[id]?.status != .captured { state.charges[id]?.status = .canceled }
    }
  }
  func capture(_ id: UUID) async throws -> CashierAnswer {
    try call("capture") { state in
      if state.charges[id]?.status == .authorized { state.charges[id]?.status = .captured }
    }
    return charge(id)?.status ?? .canceled
  }
  func refund(_ payment: UUID, id: UUID) async throws -> RefundAnswer {
    try call("refund") { state in if state.refund == .succeeded { state.charges[payment]?.refunded = true } }
    return state.withLock { $0.refund }
  }
}

/// No answer came, as when a connection breaks.
struct NoAnswer: Error {}
