import Foundation
import GravityContracts

/// Orders that flow while processes die.
struct TortureRun: Sendable {
  let victims: any TortureVictims
  let shop: ShopVisitor
  let seed: UInt64
  let duration: Duration
  let clients: Int
  private let books = TortureBooks()

  init(victims: any TortureVictims, shop: ShopVisitor, seed: UInt64, duration: Duration, clients: Int) {
    self.victims = victims
    self.shop = shop
    self.seed = seed
    self.duration = duration
    self.clients = clients
  }

  func go() async throws -> [Invariant] {
    try await victims.start()
    let administrator = try await shop.login(TortureSettings.email, TortureSettings.password)
    try await fill(administrator)
    say("the shop is filled; \(clients) buyers order for \(duration)")
    let end = ContinuousClock.now + duration
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<clients { group.addTask { try await buy(client, administrator, until: end) } }
      group.addTask { try await destroy(until: end) }
      group.addTask { await report(administrator, until: end) }
      try await group.waitForAll()
    }
    try await victims.mend()
    say("no more orders; waiting until everything has come to its end")
    try await settle(administrator)
    return try await TortureVerdict(shop: administrator, books: books).invariants()
  }

  // MARK: The shop

  /// Prices in minor units, of currencies with two, no and three decimal places.
  static let prices: [String: [String: Int64]] = {
    var prices: [String: [String: Int64]] = [:]
    for index in 0..<12 {
      prices["TORTURE-\(index)"] = [
        "USD": 1_299 + Int64(index) * 101, "JPY": 980 + Int64(index) * 7, "KWD": 4_125 + Int64(index) * 333,
      ]
    }
    return prices
  }()
  /// Of these there is never enough.
  static let scarce: Set<String> = ["TORTURE-0", "TORTURE-1"]

  private func fill(_ administrator: ShopVisitor) async throws {
    for (sku, prices) in Self.prices.sorted(by: { $0.key < $1.key }) {
      let amounts: [JSONValue] = prices.map {
        .object(["amount": .integer($0.value), "currency": .string($0.key)])
      }
      let made = try await administrator.ask(
        "POST", "/api/v1/products",
        .object([
          "title": .string("Torture \(sku)"), "status": "published",
          "variants": .array([.object(["sku": .string(sku), "prices": .array(amounts)])]),
        ]), key: "product-\(sku)")
      guard made.status == 201 else {
        throw ShopVisitor.Unanswered(what: "product \(sku)", last: "\(made.status) \(made.body)")
      }
      try await receive(sku, Self.scarce.contains(sku) ? 20 : 1_000_000, administrator, key: "first-\(sku)")
    }
  }

  private func receive(_ sku: String, _ quantity: Int64, _ administrator: ShopVisitor, key: String) async throws {
    let reply = try await administrator.ask(
      "POST", "/api/v1/inventory/items/\(sku)/adjustments",
      .object(["delta": .integer(quantity), "reason": "received"]), key: key)
    guard (200..<300).contains(reply.status) else {
      throw ShopVisitor.Unanswered(what: "stock of \(sku)", last: "\(reply.status) \(reply.body)")
    }
    books.receive(sku, quantity)
  }

  // MARK: Buyers

  private func buy(_ client: Int, _ administrator: ShopVisitor, until end: ContinuousClock.Instant) async throws {
    var numbers = SeededNumbers(seed: seed &+ UInt64(client) &* 7_919)
    let email = "buyer-\(client)@torture.example"
    let password = "quiet-orange-window-\(client)7"
    _ = try await shop.ask(
      "POST", "/api/v1/auth/register",
      .object(["email": .string(email), "password": .string(password), "name": "Buyer"]))
    let buyer = try await shop.login(email, password)
    var count = 0
    while ContinuousClock.now < end {
      count += 1
      do {
        try await order(count, of: client, buyer, &numbers)
        if count % 20 == 0, let sku = Self.scarce.sorted().randomElement(using: &numbers) {
          try await receive(sku, 5, administrator, key: "more-\(seed)-\(client)-\(count)")
        }
      } catch let error as ShopVisitor.Unanswered {
        books.note(error.description)
      }
    }
  }

  private static let methods: [(String, Int)] = [
    ("pm_sim_approve", 70), ("pm_sim_decline_insufficient_funds", 6), ("pm_sim_decline_expired_card", 4),
    ("pm_sim_requires_action", 8), ("pm_sim_timeout", 6), ("pm_sim_late_success", 6),
  ]

  private func order(
    _ count: Int, of client: Int, _ buyer: ShopVisitor, _ numbers: inout SeededNumbers
  ) async throws {
    let currency = ["USD", "JPY", "KWD"].randomElement(using: &numbers)!
    var lines: [String: Int64] = [:]
    for _ in 0..<Int.random(in: 1...3, using: &numbers) {
      let sku = Self.prices.keys.sorted().randomElement(using: &numbers)!
      lines[sku, default: 0] += Int64.random(in: 1...3, using: &numbers)
    }
    let total = lines.reduce(0) { $0 + Self.prices[$1.key]![currency]! * $1.value }
    var pick = Int.random(in: 0..<100, using: &numbers)
    let method =
      Self.methods.first { _, weight in
        pick -= weight
        return pick < 0
      }?.0 ?? "pm_sim_approve"
    let (cancels, completes) = (
      Int.random(in: 0..<100, using: &numbers) < 5, Int.random(in: 0..<100, using: &numbers) < 70
    )
    let key = "order-\(seed)-\(client)-\(count)"
    books.ask(key, .init(currency: currency, lines: lines, total: total))
    let reply = try await buyer.ask(
      "POST", "/api/v1/orders",
      .object([
        "lines": .array(
          lines.sorted { $0.key < $1.key }.map {
            .object(["sku": .string($0.key), "quantity": .integer($0.value)])
          }),
        "shipping_address": .object(["name": "B. Uyer", "line1": "1 Rack Road", "city": "Spa", "country": "BE"]),
        "payment_method": .string(method), "currency": .string(currency),
      ]), key: key, wait: count % 2 == 0 ? 5 : nil)
    guard reply.status == 201, let id = reply["id"].text else {
      books.refuse(key, "\(reply.status) \(reply["code"].text ?? "")")
      return
    }
    books.answer(key, order: id)
    if cancels { _ = try await buyer.ask("POST", "/api/v1/orders/\(id)/cancel", .object([:])) }
    if method == "pm_sim_requires_action", completes { try await finish(reply, buyer, &numbers) }
  }

  /// Does what the bank asks for, if the payment has come so far.
  private func finish(_ order: ShopVisitor.Reply, _ buyer: ShopVisitor, _ numbers: inout SeededNumbers) async throws {
    guard let payment = order["payment_id"].text else { return }
    let outcome: JSONValue = Int.random(in: 0..<4, using: &numbers) == 0 ? "fail" : "succeed"
    for _ in 0..<50 {
      let reply = try await buyer.ask(
        "POST", "/api/v1/payments/\(payment)/next-action", .object(["outcome": outcome]))
      // Not made yet, or not so far.
      guard reply.status == 404 || reply.status == 409 && reply["state"].text != "canceled" else { return }
      let now = try await buyer.ask("GET", "/api/v1/orders/\(order["id"].text ?? "")")
      guard now["status"].text == "pending" else { return }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  // MARK: The torturer

  private func destroy(until end: ContinuousClock.Instant) async throws {
    var numbers = SeededNumbers(seed: seed ^ 0xDEAD)
    var lastUp = ContinuousClock.now
    while true {
      let pause = Duration.milliseconds(Int.random(in: 1_500...6_000, using: &numbers))
      let next = ContinuousClock.now + pause
      guard next < end else { return }
      try await Task.sleep(until: next)
      try await victims.mend()
      await breathe(&lastUp)
      let (choice, isArmed, pass) = (
        numbers.next(), Int.random(in: 0..<2, using: &numbers) == 0, Int.random(in: 1...20, using: &numbers)
      )
      if isArmed, let point = TorturePoints.all.randomElement(using: &numbers) {
        say("  \(try await victims.arm(point, pass: pass))")
        books.armed()
      } else {
        say("  \(try await victims.kill(choice))")
        books.killed()
      }
    }
  }

  /// Blows also fall while the platform starts; but where it never came up in between, as on a machine that has much
  /// else to do, nothing would be tortured: so at least once in half a minute it is let up, for two minutes at most.
  private func breathe(_ lastUp: inout ContinuousClock.Instant) async {
    let began = ContinuousClock.now
    repeat {
      if let reply = try? await shop.once("GET", "/health/ready"), reply.status == 200 {
        lastUp = .now
        return
      }
      guard ContinuousClock.now - lastUp > .seconds(30) else { return }
      try? await Task.sleep(for: .milliseconds(200))
    } while !Task.isCancelled && ContinuousClock.now - began < .seconds(120)
  }

  private func report(_ administrator: ShopVisitor, until end: ContinuousClock.Instant) async {
    let began = ContinuousClock.now
    while ContinuousClock.now < end {
      do { try await Task.sleep(for: .seconds(10)) } catch { return }
      let counts = books.counts
      var line =
        "\(Int(began.duration(to: .now) / .seconds(1))) s: \(counts.asked) asked, \(counts.answered) placed, "
        + "\(counts.refused) refused, \(counts.kills) kills, \(counts.faults) faults"
      // What can be said while everything moves: the books balance at every moment.
      if let reply = try? await administrator.once("GET", "/api/v1/payments/ledger/balance"), reply.status == 200 {
        line += reply["balanced"] == .bool(true) ? "; the ledger balances" : "; THE LEDGER DOES NOT BALANCE"
        if reply["balanced"] != .bool(true) { books.note("the ledger did not balance: \(reply.body)") }
      }
      say(line)
    }
  }

  // MARK: The end

  /// Looks in a row that find no saga under way.
  private static let quietLooks = 4

  /// Until no saga is under way and every confirmed order has its mail; at most 15 minutes.
  private func settle(_ administrator: ShopVisitor) async throws {
    let end = ContinuousClock.now + .seconds(900)
    var quietLooks = 0
    while ContinuousClock.now < end {
      var left = 0
      for state in ["running", "waiting", "compensating", "parked"] {
        left += try await administrator.all("/api/v1/sagas?state=\(state)").count
      }
      // One that goes from one state to another between two of these questions is in none of the answers.
      quietLooks = left == 0 ? quietLooks + 1 : 0
      if quietLooks == Self.quietLooks { return }
      if left > 0 { say("  \(left) sagas are under way") }
      try await Task.sleep(for: left > 0 ? .seconds(5) : .milliseconds(500))
    }
  }
}
