import Foundation
import GravityContracts
import OrderAPI
import Testing

@testable import OrderServer

@Suite("Totals")
struct TotalsTests {
  private func offer(_ sku: String, _ amount: Int64, _ currency: Currency) -> Offer {
    Offer(sku: sku, productID: UUID(), title: sku, price: Money(amount, currency)!)
  }

  @Test("add up exactly, whatever is bought, in every currency and at every rate", arguments: 0..<300)
  func sums(round: Int) throws {
    var configuration = OrderConfiguration()
    let currency = try #require(Currency(["JPY", "USD", "KWD", "CLF"][round % 4]))
    configuration.taxes = ["DE": Int64.random(in: 0...1_000_000)]
    configuration.shipping = [currency: Int64.random(in: 0...2_000)]
    let items = (0..<Int.random(in: 1...20)).map { index in
      (offer: offer("S\(index)", Int64.random(in: 0...1_000_000), currency), quantity: Int64.random(in: 1...50))
    }
    let totals = try Totals(items, currency: currency, country: "DE", configuration)
    #expect(totals.lines.reduce(0) { $0 + $1.subtotal.amount } == totals.subtotal.amount)
    #expect(totals.lines.reduce(0) { $0 + $1.tax.amount } == totals.tax.amount)
    #expect(totals.lines.allSatisfy { $0.subtotal.amount + $0.tax.amount == $0.total.amount })
    let parts = totals.subtotal.amount + totals.shipping.amount + totals.tax.amount - totals.discount.amount
    #expect(parts == totals.total.amount)
    #expect(totals.trace.reduce(0) { $0 + $1.amount.amount } == totals.total.amount)
    // Each line's tax is its exact share, rounded down or up.
    for line in totals.lines where totals.subtotal.amount > 0 {
      let exact = Double(totals.tax.amount) * Double(line.subtotal.amount) / Double(totals.subtotal.amount)
      #expect(abs(Double(line.tax.amount) - exact) < 1.000_001)
    }
  }

  @Test("round half a minor unit up, once for the order")
  func rounding() throws {
    var configuration = OrderConfiguration()
    configuration.taxes = ["CH": 81_000]
    // Three times 0.05 at 8.1 %: 0.01215 is 0.01, where a line at a time would be 0.00.
    let items = (0..<3).map { (offer: offer("S\($0)", 5, .usd), quantity: Int64(1)) }
    let totals = try Totals(items, currency: .usd, country: "CH", configuration)
    #expect(totals.tax == Money(1, .usd))
    #expect(totals.lines.map(\.tax.amount) == [1, 0, 0])
    #expect(try Totals(items, currency: .usd, country: "FR", configuration).tax == Money(0, .usd))
  }

  @Test("say why they are what they are")
  func trace() throws {
    var configuration = OrderConfiguration()
    configuration.taxes = ["DE": 190_000]
    configuration.shipping = [.usd: 490]
    let totals = try Totals(
      [(offer: offer("MUG", 1_299, .usd), quantity: 3)], currency: .usd, country: "DE", configuration)
    #expect(
      totals.trace.map(\.text) == ["3 × MUG at 12.99 USD", "flat rate", "19 % of 38.97 USD (DE)"])
    #expect(totals.total == Money(3_897 + 490 + 740, .usd))
  }

  @Test("refuse what money cannot be")
  func bounds() throws {
    let items = [(offer: offer("GOLD", Money.greatest, .usd), quantity: Int64(2))]
    #expect(throws: Problem.self) { try Totals(items, currency: .usd, country: nil, OrderConfiguration()) }
  }

  @Test("are written with as many decimal places as the currency has")
  func decimal() {
    #expect(Money(5, .usd)?.decimal == "0.05 USD")
    #expect(Money(1_299, .jpy)?.decimal == "1299 JPY")
    #expect(Money(4_125, .kwd)?.decimal == "4.125 KWD")
    #expect(Money(-150, .usd)?.decimal == "-1.50 USD")
  }

  @Test("Shares of nothing, and of amounts that do not divide, lose and make nothing")
  func shares() {
    #expect(Shares.divide(10, by: [1, 1, 1]) == [4, 3, 3])
    #expect(Shares.divide(0, by: [3, 4]) == [0, 0])
    #expect(Shares.divide(7, by: [0, 0]) == [7, 0])
    #expect(Shares.divide(5, by: []) == [])
    for _ in 0..<500 {
      let weights = (0..<Int.random(in: 1...30)).map { _ in Int64.random(in: 0...Money.greatest) }
      let total = Int64.random(in: 0...Money.greatest)
      #expect(Shares.divide(total, by: weights).reduce(0, +) == total)
    }
  }
}
