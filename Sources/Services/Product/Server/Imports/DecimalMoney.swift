import GravityContracts

/// Amounts as people write them in a table: `12.99`. Never by way of a binary float.
enum DecimalMoney {
  /// - Returns: minor units; nil for anything but digits with at most the currency's places after a point.
  static func minorUnits(_ text: String, _ currency: Currency) -> Int64? {
    let sides = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard sides.count <= 2, let whole = sides.first, (1...16).contains(whole.count) else { return nil }
    let fraction = sides.count == 2 ? sides[1] : text.utf8.suffix(0)
    guard sides.count == 1 || (1...max(1, currency.exponent)).contains(fraction.count),
      fraction.count <= currency.exponent
    else { return nil }
    let padding = [UInt8](repeating: UInt8(ascii: "0"), count: currency.exponent - fraction.count)
    var amount: Int64 = 0
    for digit in Array(whole) + Array(fraction) + padding {
      guard (0x30...0x39).contains(digit) else { return nil }
      let (product, overflow) = amount.multipliedReportingOverflow(by: 10)
      guard !overflow, product <= Money.greatest else { return nil }
      amount = product + Int64(digit - 0x30)
    }
    return amount <= Money.greatest ? amount : nil
  }

  static func text(_ amount: Int64, _ currency: Currency) -> String {
    let digits = String(amount)
    guard currency.exponent > 0 else { return digits }
    let padded = String(repeating: "0", count: max(0, currency.exponent + 1 - digits.count)) + digits
    return "\(padded.dropLast(currency.exponent)).\(padded.suffix(currency.exponent))"
  }
}
