import GravityContracts
import OrderAPI

/// What an order costs, and why.
struct Totals: Sendable, Hashable {
  var lines: [OrderLine]
  var subtotal: Money
  var shipping: Money
  var tax: Money
  var discount: Money
  var total: Money
  var trace: [TotalTrace]

  /// - Parameters:
  ///   - items: what is bought, at which price; all in `currency`.
  ///   - country: where it is sent, if that is known; decides on the tax.
  /// - Throws: `Problem` 422 when the total is more than money can be.
  init(
    _ items: [(offer: Offer, quantity: Int64)], currency: Currency, country: String?,
    _ configuration: OrderConfiguration
  ) throws {
    let zero = Money(0, currency)!
    do {
      let subtotals = try items.map { try $0.offer.price.multiplied(by: $0.quantity) }
      subtotal = try subtotals.reduce(zero) { try $0.adding($1) }
      let rate = country.flatMap { configuration.taxes[$0] } ?? 0
      tax = try Self.rounded(subtotal, millionths: rate)
      let taxes = Shares.divide(tax.amount, by: subtotals.map(\.amount))
      lines = []
      for (index, item) in items.enumerated() {
        guard let lineTax = Money(taxes[index], currency) else { throw MoneyError.outOfBounds }
        lines.append(
          OrderLine(
            sku: item.offer.sku, productID: item.offer.productID, title: item.offer.title, quantity: item.quantity,
            unitPrice: item.offer.price, subtotal: subtotals[index], tax: lineTax,
            total: try subtotals[index].adding(lineTax)))
      }
      guard let shipping = Money(items.isEmpty ? 0 : configuration.shipping[currency] ?? 0, currency) else {
        throw MoneyError.outOfBounds
      }
      self.shipping = shipping
      discount = zero
      total = try subtotal.adding(shipping).adding(tax)
      trace = lines.map {
        TotalTrace(
          kind: "subtotal", text: "\($0.quantity) × \($0.sku) at \($0.unitPrice.decimal)", amount: $0.subtotal)
      }
      if shipping.amount != 0 { trace.append(TotalTrace(kind: "shipping", text: "flat rate", amount: shipping)) }
      if rate != 0 {
        let place = country ?? ""
        trace.append(
          TotalTrace(kind: "tax", text: "\(Self.percent(rate)) of \(subtotal.decimal) (\(place))", amount: tax))
      }
    } catch is MoneyError {
      throw Problem(
        422, "total_too_large", "The total is more than an order can have",
        detail: "At most \(Money(Money.greatest, currency)!.decimal).")
    }
  }

  /// Half a minor unit is rounded up.
  private static func rounded(_ money: Money, millionths: Int64) throws(MoneyError) -> Money {
    let product = Int128(money.amount) * Int128(millionths)
    guard let amount = Int64(exactly: (product + 500_000) / 1_000_000), let tax = Money(amount, money.currency) else {
      throw .outOfBounds
    }
    return tax
  }

  /// 190 000 → `19 %`, 55 000 → `5.5 %`.
  private static func percent(_ millionths: Int64) -> String {
    let (whole, rest) = millionths.quotientAndRemainder(dividingBy: 10_000)
    guard rest != 0 else { return "\(whole) %" }
    var digits = String(rest)
    digits = String(repeating: "0", count: 4 - digits.count) + digits
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits) %"
  }
}

extension Money {
  /// `12.99 USD`, `1299 JPY`.
  var decimal: String {
    let exponent = currency.exponent
    guard exponent > 0 else { return "\(amount) \(currency)" }
    let digits = String(amount.magnitude)
    let padded = String(repeating: "0", count: max(0, exponent + 1 - digits.count)) + digits
    return "\(amount < 0 ? "-" : "")\(padded.dropLast(exponent)).\(padded.suffix(exponent)) \(currency)"
  }
}
