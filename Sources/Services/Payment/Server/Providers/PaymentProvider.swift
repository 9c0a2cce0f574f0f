public import Foundation
public import GravityContracts

/// Somebody who holds, takes and gives back money: a card processor.
///
/// Every call carries a key of the platform's own. A provider does what was asked under a key **once**, and answers a
/// repeat with what came of it: Stripe's `Idempotency-Key`, and for what became of it, its `metadata`. So a call whose
/// answer was lost can be repeated, but only with its own key.
///
/// A call has time-outs of its own, well below a request's 30 seconds. What it throws, whatever it is, means that the
/// outcome is **unknown**; a refusal is no error but an answer.
public protocol PaymentProvider: Sendable {
  /// `simulator`, `stripe`: part of paths and records, so it stays the same for ever.
  var name: String { get }

  /// Whether this is a token that the provider may know. No call is made.
  func accepts(paymentMethod: String) -> Bool

  /// Holds the money, or takes it at once.
  /// - Returns: ``ProviderAnswer/authorized(reference:expiresAt:)``, ``ProviderAnswer/captured(reference:)``,
  ///   ``ProviderAnswer/actionRequired(_:)``, ``ProviderAnswer/declined(_:)`` or ``ProviderAnswer/pending``.
  func authorize(_ request: ProviderAuthorization) async throws -> ProviderAnswer

  /// Takes what is held, or a part; the rest stays held.
  func capture(_ request: ProviderChange) async throws -> ProviderAnswer

  /// Gives up what is held, and sees to it that nothing will be: an authorization that has not arrived yet is refused
  /// when it does. So it is no error that the key is unknown, nor that there is nothing (any more) to give up.
  func void(_ request: ProviderChange) async throws -> ProviderAnswer

  /// Gives back what was taken, or a part.
  func refund(_ request: ProviderChange) async throws -> ProviderAnswer

  /// What became of what was asked for under a key.
  /// - Returns: ``ProviderAnswer/notFound`` when the provider never heard of it.
  func retrieve(_ query: ProviderQuery) async throws -> ProviderAnswer

  /// Reads what the provider tells by itself, once its signature is good.
  /// - Throws: ``WebhookRefusal``.
  func webhook(_ delivery: WebhookDelivery) throws -> ProviderNotice
}

/// A provider that lets the platform play the payer's bank, which only a simulated one does.
public protocol ActionCompletingProvider: PaymentProvider {
  /// The payer has done what was asked, or failed at it.
  func completeAction(key: String, succeeds: Bool) async throws -> ProviderAnswer
}

/// Asks for money.
public struct ProviderAuthorization: Sendable, Hashable {
  public var key: String
  public var paymentID: UUID
  public var amount: Money
  public var paymentMethod: String
  /// Whether the money is taken at once.
  public var capturesAtOnce: Bool
}

/// Asks for something to be done with an authorization.
public struct ProviderChange: Sendable, Hashable {
  public var key: String
  public var paymentID: UUID
  /// The authorization's.
  public var authorizationKey: String
  /// The provider's name for it, where it told one.
  public var reference: String?
  public var amount: Money
}

/// Asks what became of something.
public struct ProviderQuery: Sendable, Hashable {
  public enum Operation: Sendable, Hashable { case authorize, capture, void, refund }
  public var key: String
  public var paymentID: UUID
  public var operation: Operation
  /// The authorization's.
  public var authorizationKey: String
  public var reference: String?
}

/// What a provider says came of what it was asked for.
public enum ProviderAnswer: Sendable, Hashable {
  /// It is not decided yet.
  case pending
  /// Only as the answer to a query: there was no such thing.
  case notFound
  case actionRequired(ProviderAction)
  /// The money is held.
  case authorized(reference: String, expiresAt: Date?)
  /// The money was taken.
  case captured(reference: String)
  /// The payer's bank says no.
  case declined(ProviderRefusal)
  /// Nothing is held any more.
  case voided
  case refunded(reference: String)
  /// The provider says no, for good: the same key would get the same answer.
  case failed(ProviderRefusal)
}

/// What the payer has to do.
public struct ProviderAction: Sendable, Hashable {
  public var type: String
  public var url: String

  public init(type: String, url: String) {
    self.type = type
    self.url = url
  }
}

/// Why not.
public struct ProviderRefusal: Sendable, Hashable {
  /// A stable name of at most 64 characters: `insufficient_funds`.
  public var code: String
  /// For a person; nothing that would identify the payer.
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

/// The answer did not come in time. What was asked for may have been done.
public struct ProviderTimeout: Error, Sendable, Hashable, CustomStringConvertible {
  public var key: String
  public var description: String { "no answer to \(key)" }
  public init(key: String) { self.key = key }
}

/// The same key with another request: a mistake in the program.
public struct ProviderKeyReused: Error, Sendable, Hashable, CustomStringConvertible {
  public var key: String
  public var description: String { "the key \(key) was used for something else" }
  public init(key: String) { self.key = key }
}
