/// The chart of accounts; each exists once for every currency.
///
/// | what happens | debit | credit | phase |
/// |---|---|---|---|
/// | authorize | provider_receivable | customer_funds | pending |
/// | capture | provider_receivable | customer_funds | post, as much as is captured |
/// | … and with it, recognize | customer_funds | merchant_revenue | single |
/// | void, release, expiry | provider_receivable | customer_funds | void, what was not captured |
/// | refund is asked for | refunds | provider_receivable | pending |
/// | … succeeds | refunds | provider_receivable | post |
/// | … fails | refunds | provider_receivable | void |
enum LedgerAccountName: String, Sendable, Hashable, CaseIterable {
  /// What the provider owes the merchant. An asset.
  case providerReceivable = "provider_receivable"
  /// What was taken from customers and is nobody's revenue yet: 0 but for what is pending. A liability.
  case customerFunds = "customer_funds"
  case merchantRevenue = "merchant_revenue"
  /// What was given back; it counts against the revenue.
  case refunds

  var isDebitNormal: Bool {
    switch self {
    case .providerReceivable, .refunds: true
    case .customerFunds, .merchantRevenue: false
    }
  }
}
