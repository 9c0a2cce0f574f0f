import GravityContracts

/// Writes an amount as a locale's readers expect it: `1,299.00 USD`, `1.299,00 EUR`. By integers only.
struct MoneyFormat {
  private let group: String
  private let point: String

  init(locale: String) {
    switch locale.prefix(while: { $0 != "-" }) {
    case "de", "es", "it", "nl", "pt", "da", "el", "id", "tr": (group, point) = (".", ",")
    case "fr", "pl", "cs", "sk", "sv", "nb", "nn", "no", "fi", "ru", "uk", "bg", "hu":
      (group, point) = ("\u{A0}", ",")
    default: (group, point) = (",", ".")
    }
  }

  /// - Returns: nil when it is no amount of a currency that there is.
  func text(_ members: [String: JSONValue]) -> String? {
    guard members.count == 2, case .integer(let amount) = members["amount"],
      case .string(let code) = members["currency"],
      let currency = Currency(code), let money = Money(amount, currency)
    else { return nil }
    return text(money)
  }

  func text(_ money: Money) -> String {
    let exponent = money.currency.exponent
    var digits = String(money.amount.magnitude)
    if digits.utf8.count <= exponent {
      digits = String(repeating: "0", count: exponent + 1 - digits.utf8.count) + digits
    }
    var (whole, result) = (digits.dropLast(exponent), "")
    while whole.utf8.count > 3 {
      result = group + whole.suffix(3) + result
      whole = whole.dropLast(3)
    }
    let sign = money.amount < 0 ? "\u{2212}" : ""
    let fraction = exponent > 0 ? point + digits.suffix(exponent) : ""
    return "\(sign)\(whole)\(result)\(fraction)\u{A0}\(money.currency.code)"
  }
}
