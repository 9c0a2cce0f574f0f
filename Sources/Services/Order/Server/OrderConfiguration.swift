public import GravityContracts

/// What an operator may set of the order service.
public struct OrderConfiguration: Sendable {
  /// How long a buyer may cancel an order that is confirmed.
  public var cancelWindow: Duration = .seconds(24 * 3600)
  /// How long a buyer has for what a payment asks of them, such as 3-D Secure; then the order expires. At most
  /// 24 hours; the stock stays reserved so long.
  public var paymentWindow: Duration = .seconds(15 * 60)
  /// How long a cart is kept that nobody touches.
  public var cartLifetime: Duration = .seconds(30 * 24 * 3600)
  /// Millionths of the price, by ISO 3166-1 country of the shipping address: 190 000 is 19 %. 0 where none is given.
  public var taxes: [String: Int64] = [:]
  /// What the sending of an order costs, in minor units by currency; 0 where none is given.
  public var shipping: [Currency: Int64] = [:]

  public init() {}

  /// - Throws: ``OrderConfigurationError``.
  func validate() throws {
    guard (.seconds(60)...(.seconds(86_400))).contains(paymentWindow) else {
      throw OrderConfigurationError(description: "the payment window must be from a minute to a day")
    }
    guard cancelWindow >= .zero, cartLifetime >= .seconds(3600) else {
      throw OrderConfigurationError(description: "the cancel window must not be negative, a cart lives an hour or more")
    }
    guard taxes.values.allSatisfy({ (0...1_000_000).contains($0) }), shipping.values.allSatisfy({ $0 >= 0 }) else {
      throw OrderConfigurationError(description: "taxes go from 0 to 1 000 000 millionths, shipping from 0")
    }
  }
}

/// A configuration that cannot be: ends the start.
public struct OrderConfigurationError: Error, CustomStringConvertible { public var description: String }
