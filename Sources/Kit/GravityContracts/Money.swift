/// An amount in minor units of a currency: 1299 of `USD` is 12.99.
public struct Money: Codable, Sendable, Hashable {
  /// Minor units; |amount| ≤ 2⁵³ − 1, so that every JSON reader keeps it.
  public let amount: Int64
  public let currency: Currency

  /// The largest amount.
  public static let greatest: Int64 = (1 << 53) - 1

  /// - Returns: nil when the amount is out of bounds.
  public init?(_ amount: Int64, _ currency: Currency) {
    guard (-Self.greatest...Self.greatest).contains(amount) else { return nil }
    self.amount = amount
    self.currency = currency
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let (amount, currency) = (
      try container.decode(Int64.self, forKey: .amount), try container.decode(Currency.self, forKey: .currency)
    )
    guard let money = Money(amount, currency) else {
      throw DecodingError.dataCorruptedError(
        forKey: .amount, in: container, debugDescription: "must be from -\(Self.greatest) to \(Self.greatest)")
    }
    self = money
  }

  enum CodingKeys: String, CodingKey { case amount, currency }

  /// - Throws: ``MoneyError`` when the currencies differ or the sum is out of bounds.
  public func adding(_ other: Money) throws(MoneyError) -> Money {
    guard currency == other.currency else { throw .currenciesDiffer(currency, other.currency) }
    guard let sum = Money(amount + other.amount, currency) else { throw .outOfBounds }
    return sum
  }

  /// - Throws: ``MoneyError`` when the product is out of bounds.
  public func multiplied(by quantity: Int64) throws(MoneyError) -> Money {
    let (product, overflow) = amount.multipliedReportingOverflow(by: quantity)
    guard !overflow, let money = Money(product, currency) else { throw .outOfBounds }
    return money
  }
}

extension Money: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["amount": .integer(-greatest...greatest)] }
}

/// Why a sum of money does not exist.
public enum MoneyError: Error, Sendable, Hashable {
  case currenciesDiffer(Currency, Currency)
  case outOfBounds
}

/// An ISO 4217 currency in use, with the exponent of its minor unit (ISO 4217:2015, list one).
public struct Currency: Codable, Sendable, Hashable, CustomStringConvertible {
  /// Three capital letters.
  public let code: String
  /// Decimal places of the major unit: USD 2, JPY 0, KWD 3, CLF 4.
  public var exponent: Int { Self.exponents[code] ?? 2 }
  public var description: String { code }

  /// - Returns: nil when there is no such currency.
  public init?(_ code: String) {
    guard Self.exponents[code] != nil else { return nil }
    self.code = code
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let code = try container.decode(String.self)
    guard let currency = Currency(code) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(code)\" is not an ISO 4217 currency, such as USD")
    }
    self = currency
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(code)
  }

  /// Every currency in use.
  public static var all: [Currency] { exponents.keys.sorted().compactMap(Currency.init) }

  private static let exponents: [String: Int] = {
    let groups: [(Int, String)] = [
      (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
      (3, "BHD IQD JOD KWD LYD OMR TND"),
      (4, "CLF UYW"),
      (
        2,
        """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW \
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER \
        ZAR ZMW ZWG
        """
      ),
    ]
    return Dictionary(
      groups.flatMap { exponent, codes in codes.split(separator: " ").map { (String($0), exponent) } },
      uniquingKeysWith: { first, _ in first })
  }()
}
