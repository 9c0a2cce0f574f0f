public import Foundation
public import GravityContracts
public import OrderAPI

/// The inventory service, as a saga needs it. Each call may be made again: the id makes it one.
///
/// They throw the `Problem` that the service answered, or whatever says that it could not be asked.
public protocol StockKeeper: Sendable {
  func reserve(_ lines: [RequestedLine], id: UUID, for time: Duration) async throws
  /// Also of an id that was never seen, which is used up then.
  func release(_ id: UUID) async throws
  func commit(_ id: UUID) async throws
  /// Puts back what was committed.
  func takeBack(_ id: UUID) async throws
}

/// The payment service, as a saga needs it. Each call may be made again: the id makes it one.
///
/// They throw the `Problem` that the service answered, or whatever says that it could not be asked.
public protocol Cashier: Sendable {
  /// However often it is called, it tells how the payment stands.
  func authorize(_ amount: Money, id: UUID, order: UUID, customer: UUID, method: String) async throws -> CashierAnswer
  /// Also of an id that was never seen, which is used up then.
  func cancel(_ id: UUID) async throws
  /// Takes the whole of what is held; one that was captured stays so.
  func capture(_ id: UUID) async throws -> CashierAnswer
  /// The whole of what was captured.
  func refund(_ payment: UUID, id: UUID) async throws -> RefundAnswer
}

/// How a payment stands.
public enum CashierAnswer: Sendable, Hashable {
  case authorized
  /// The buyer has something to do: `redirect`, …
  case requiresAction(String)
  /// Not known yet.
  case processing
  case declined(code: String?)
  case captured
  case canceled
}

/// How a refund stands.
public enum RefundAnswer: Sendable, Hashable { case succeeded, pending, failed }

extension Problem {
  /// Whether the answer is for good: asking again would give the same one. What is wrong with our own token, or with
  /// how busy somebody is, passes.
  var isFinal: Bool { (400..<500).contains(status) && ![401, 403, 408, 425, 429].contains(status) }
}
