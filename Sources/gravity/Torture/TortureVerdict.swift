import Foundation
import GravityContracts

/// Holds what the platform says against what the buyers know. Everything is counted from the public interface; nothing
/// is taken from the code that is under test.
struct TortureVerdict: Sendable {
  let shop: ShopVisitor
  let books: TortureBooks

  func invariants() async throws -> [Invariant] {
    let orders = try await shop.all("/api/v1/orders?all=true")
    say("  \(orders.count) orders read")
    let payments = try await shop.all("/api/v1/payments")
    let charges = try await shop.all("/api/v1/payments/simulator/charges")
    let reservations = try await shop.all("/api/v1/inventory/reservations")
    let items = try await shop.all("/api/v1/inventory/items")
    say("  \(payments.count) payments, \(charges.count) charges, \(reservations.count) reservations read")
    let confirmed = orders.filter { ["confirmed", "completed"].contains($0["status"].text ?? "") }
    var verdict = [
      Self.settled(orders), oneOrderForEachKey(orders), totals(orders),
      Self.reservations(orders: orders, confirmed: confirmed, reservations),
      Self.money(orders: orders, payments), Self.bounds(payments), Self.provider(payments: payments, charges),
    ]
    verdict.append(try await ledger())
    verdict.append(stock(confirmed, items))
    verdict.append(try await movements(items))
    verdict.append(try await mail(confirmed))
    verdict.append(answers())
    return verdict
  }

  /// Whatever dies, whoever asks again gets an answer, and nothing that was asked for is refused without a reason.
  private func answers() -> Invariant {
    let refusals = Dictionary(grouping: books.asked.values.compactMap(\.refusal)) { $0 }.mapValues(\.count)
    let reasons = refusals.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    let errors = books.errors
    return Invariant(
      name: "every order was taken; no request went without an answer for two minutes",
      found: "\(refusals.values.reduce(0, +)) refused\(reasons.isEmpty ? "" : " (\(reasons))"), \(errors.count) without"
        + (errors.first.map { ": \($0)" } ?? ""),
      holds: errors.isEmpty && refusals.isEmpty)
  }

  private static func settled(_ orders: [JSONValue]) -> Invariant {
    let counts = Dictionary(grouping: orders) { $0["status"].text ?? "?" }.mapValues(\.count)
    let legal: Set = ["confirmed", "completed", "canceled", "expired"]
    return Invariant(
      name: "every order is in a legal terminal state",
      found: counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "),
      holds: counts.keys.allSatisfy(legal.contains))
  }

  private func oneOrderForEachKey(_ orders: [JSONValue]) -> Invariant {
    let asked = books.asked.values
    let promised = asked.compactMap(\.order)
    let ids = Set(orders.compactMap { $0["id"].text })
    let (lost, unasked) = (Set(promised).subtracting(ids).count, orders.count - Set(promised).count)
    let open = asked.count { $0.order == nil && $0.refusal == nil }
    // A request that never got an answer may have placed its order.
    let holds =
      lost == 0 && (0...open).contains(unasked) && Set(promised).count == promised.count && ids.count == orders.count
    return Invariant(
      name: "one order for each Idempotency-Key",
      found:
        "\(promised.count) promised, \(lost) lost, \(unasked) that nobody was told of, \(open) keys without answer",
      holds: holds)
  }

  private func totals(_ orders: [JSONValue]) -> Invariant {
    let byID = Dictionary(orders.map { ($0["id"].text ?? "", $0) }, uniquingKeysWith: { first, _ in first })
    let wrong = books.asked.values.filter { asked in
      guard let id = asked.order, let order = byID[id] else { return false }
      return order["total"]["amount"].integer != asked.total || order["total"]["currency"].text != asked.currency
    }
    return Invariant(
      name: "totals are right to the minor unit (USD, JPY, KWD)", found: "\(wrong.count) of \(orders.count) wrong",
      holds: wrong.isEmpty)
  }

  private static func reservations(
    orders: [JSONValue], confirmed: [JSONValue], _ reservations: [JSONValue]
  ) -> Invariant {
    let live = reservations.count { $0["state"].text == "active" }
    let committed = Set(reservations.filter { $0["state"].text == "committed" }.compactMap { $0["id"].text })
    let wanted = Set(confirmed.compactMap { $0["id"].text })
    return Invariant(
      name: "no live reservation; stock is committed for the confirmed orders and no others",
      found: "\(live) live, \(committed.count) committed, \(committed.symmetricDifference(wanted).count) differ",
      holds: live == 0 && committed == wanted)
  }

  private static func money(orders: [JSONValue], _ payments: [JSONValue]) -> Invariant {
    let byOrder = Dictionary(grouping: payments) { $0["order_id"].text ?? "" }
    var (wrong, sums): ([String], [String: Int64]) = ([], [:])
    for order in orders {
      let id = order["id"].text ?? ""
      let own = byOrder[id] ?? []
      let captured = own.reduce(0) { $0 + ($1["amount_captured"]["amount"].integer ?? 0) }
      let refunded = own.reduce(0) { $0 + ($1["amount_refunded"]["amount"].integer ?? 0) }
      let isSold = ["confirmed", "completed"].contains(order["status"].text ?? "")
      let due = isSold ? order["total"]["amount"].integer ?? -1 : 0
      if captured - refunded != due || own.count > 1 { wrong.append(id) }
      if isSold { sums[order["total"]["currency"].text ?? "?", default: 0] += captured }
    }
    let text = sums.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    return Invariant(
      name: "Σ captured = Σ totals of confirmed orders, and 0 of the others",
      found: "\(text) captured; \(wrong.count) orders wrong\(wrong.first.map { ", such as \($0)" } ?? "")",
      holds: wrong.isEmpty)
  }

  private static func bounds(_ payments: [JSONValue]) -> Invariant {
    let wrong = payments.filter { payment in
      let (amount, captured, refunded) = (
        payment["amount"]["amount"].integer ?? 0, payment["amount_captured"]["amount"].integer ?? 0,
        payment["amount_refunded"]["amount"].integer ?? 0
      )
      return captured > amount || refunded > captured || captured < 0 || refunded < 0
    }
    let open = payments.filter { payment in
      !["succeeded", "canceled", "requires_payment_method"].contains(payment["status"].text ?? "")
    }
    return Invariant(
      name: "captured ≤ authorized, refunded ≤ captured, nothing is left undecided",
      found: "\(wrong.count) over, \(open.count) undecided of \(payments.count)", holds: wrong.isEmpty && open.isEmpty)
  }

  /// The provider's books are not the service's.
  private static func provider(payments: [JSONValue], _ charges: [JSONValue]) -> Invariant {
    let byPayment = Dictionary(grouping: charges) { $0["payment_id"].text ?? "" }
    var (twice, differ, held) = (0, 0, 0)
    for payment in payments {
      let own = byPayment[payment["id"].text ?? ""] ?? []
      let taken = own.filter { ($0["amount_captured"]["amount"].integer ?? 0) > 0 }
      if taken.count > 1 { twice += 1 }
      let captured = own.reduce(0) { $0 + ($1["amount_captured"]["amount"].integer ?? 0) }
      let refunded = own.reduce(0) { $0 + ($1["amount_refunded"]["amount"].integer ?? 0) }
      if captured != payment["amount_captured"]["amount"].integer ?? 0
        || refunded != payment["amount_refunded"]["amount"].integer ?? 0
      {
        differ += 1
      }
      held += own.count { charge in
        charge["status"].text == "authorized"
          && (charge["amount"]["amount"].integer ?? 0) > (charge["amount_captured"]["amount"].integer ?? 0)
      }
    }
    let known = Set(payments.compactMap { $0["id"].text })
    let strange = charges.count { !known.contains($0["payment_id"].text ?? "") }
    return Invariant(
      name: "the provider's books agree: nobody is charged twice, nothing stays held",
      found: "\(charges.count) charges, \(twice) twice, \(differ) differ, \(held) still held, \(strange) unknown",
      holds: twice == 0 && differ == 0 && held == 0 && strange == 0)
  }

  private func ledger() async throws -> Invariant {
    let reply = try await shop.ask("GET", "/api/v1/payments/ledger/balance")
    let currencies = reply["currencies"].list
    let text = currencies.map {
      "\($0["currency"].text ?? "?") \($0["debits"].integer ?? -1) = \($0["credits"].integer ?? -2)"
    }
    return Invariant(
      name: "the ledger balances", found: text.joined(separator: ", "),
      holds: reply["balanced"] == .bool(true) && currencies.allSatisfy { $0["debits"].integer == $0["credits"].integer }
    )
  }

  private func stock(_ confirmed: [JSONValue], _ items: [JSONValue]) -> Invariant {
    var sold: [String: Int64] = [:]
    for order in confirmed {
      for line in order["lines"].list { sold[line["sku"].text ?? "", default: 0] += line["quantity"].integer ?? 0 }
    }
    let received = books.received
    let wrong = items.filter { item in
      let sku = item["sku"].text ?? ""
      return item["available"].integer != (received[sku] ?? 0) - (sold[sku] ?? 0)
        || (item["available"].integer ?? -1) < 0
    }
    return Invariant(
      name: "available = received − sold, and never below 0",
      found: "\(items.count) items, \(sold.values.reduce(0, +)) sold, \(wrong.count) wrong"
        + (wrong.first.map { ": \($0["sku"].text ?? "") has \($0["available"].integer ?? -1)" } ?? ""),
      holds: wrong.isEmpty && items.count == received.count)
  }

  private func movements(_ items: [JSONValue]) async throws -> Invariant {
    var (wrong, count) = (0, 0)
    for item in items {
      let movements = try await shop.all("/api/v1/inventory/items/\(item["sku"].text ?? "")/movements")
      count += movements.count
      if movements.reduce(0, { $0 + ($1["delta"].integer ?? 0) }) != item["on_hand"].integer { wrong += 1 }
    }
    return Invariant(
      name: "on hand = Σ movements", found: "\(count) movements of \(items.count) items, \(wrong) wrong",
      holds: wrong == 0)
  }

  /// Mail is written after the order; at most three minutes after the last.
  private func mail(_ confirmed: [JSONValue]) async throws -> Invariant {
    let wanted = Set(confirmed.compactMap { $0["id"].text })
    let end = ContinuousClock.now + .seconds(180)
    while true {
      let sent = try await shop.all("/api/v1/notifications/outbox").filter {
        $0["template"].text == "order.confirmed" && $0["channel"].text == "email"
      }
      let about = sent.compactMap { $0["about"].text }
      let missing = wanted.subtracting(about).count
      if missing == 0 || ContinuousClock.now > end {
        let twice = about.count - Set(about).count
        let strange = Set(about).subtracting(wanted).count
        return Invariant(
          name: "each confirmed order has its mail, once",
          found: "\(about.count) mails, \(missing) missing, \(twice) twice, \(strange) of orders later canceled",
          // Who canceled a confirmed order was told that it is confirmed before.
          holds: missing == 0 && twice == 0)
      }
      try await Task.sleep(for: .seconds(2))
    }
  }
}
