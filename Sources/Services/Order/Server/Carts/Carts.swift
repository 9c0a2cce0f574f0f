import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import OrderAPI

/// Carts. A member's belongs to the member, a guest's to whoever knows its id, which is random.
struct Carts: Sendable {
  let core: OrderCore
  let placements: Placements

  func create(_ request: NewCart, by principal: Principal?, once key: IdempotencyKey?) async throws -> Once<Cart> {
    let user = try principal.map { try $0.accountID }
    // Not of the time, as other ids are: a guest's is a secret.
    let id = UUID()
    let made = try await core.database.write(once: key) { transaction in
      let now = try transaction.now.roundedToMicroseconds
      let row = CartRow(
        id: id, userID: user, currency: request.currency, createdAt: now, expiresAt: expiry(after: now))
      try CartStore(transaction).insert(row)
      return Self.empty(row)
    }
    return made
  }

  func find(_ id: UUID, by principal: Principal?) async throws -> Cart {
    try await priced(try await core.database.read { try Self.visible(id, to: principal, $0) })
  }

  func setLine(_ request: CartLineChange, by principal: Principal?, _ require: @escaping Require) async throws -> Cart {
    guard PlacementChecks.isSKU(request.sku) else {
      throw Problem.invalid("sku", "format", "must have 1 to 64 visible characters")
    }
    guard (0...PlacementChecks.quantities.upperBound).contains(request.quantity) else {
      throw Problem.invalid("quantity", "range", "must be from 0 to \(PlacementChecks.quantities.upperBound)")
    }
    if request.quantity > 0 {
      // So that nobody finds out at the till. A line that was good once may stay when it no longer is.
      let cart = try await core.database.read { try Self.visible(request.id, to: principal, $0) }
      let answer = try await core.catalogue.offers([request.sku], in: cart.currency)[request.sku]
      if case .missing(let reason) = answer ?? .missing("unknown") {
        throw Problem(
          422, "unknown_sku", "\(request.sku) cannot be bought in \(cart.currency)",
          errors: [.init(field: "sku", code: reason, message: "cannot be bought in \(cart.currency)")])
      }
    }
    return try await change(request.id, by: principal, require) { row in
      row.lines = try Self.setting(request.sku, to: request.quantity, in: row.lines)
    }
  }

  func update(_ request: CartUpdate, by principal: Principal?, _ require: @escaping Require) async throws -> Cart {
    var errors: [Problem.FieldError] = []
    var address = request.shippingAddress
    if case .value(let given) = address {
      address = .value(PlacementChecks.address(given, "shipping_address", &errors))
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let checked = address
    return try await change(request.id, by: principal, require) { row in
      row.shippingAddress = checked.applied(to: row.shippingAddress)
    }
  }

  func delete(_ id: UUID, by principal: Principal?) async throws {
    try await core.database.write { transaction in
      _ = try Self.open(try Self.visible(id, to: principal, transaction))
      try CartStore(transaction).delete(id)
    }
  }

  /// A guest's cart becomes the member's. What the member had in another cart comes into it; of an item in both, the
  /// larger quantity counts, so that logging in twice does not double it.
  func claim(_ id: UUID, by principal: Principal) async throws -> Cart {
    let user = try principal.accountID
    let row = try await core.database.write { transaction in
      try transaction.lock("carts of \(user.lowercased)")
      try transaction.lock("cart \(id.lowercased)")
      var row = try Self.open(try Self.visible(id, to: principal, transaction))
      guard row.userID == nil else { return row }
      let store = CartStore(transaction)
      if let own = try store.open(of: user, but: id) {
        guard own.currency == row.currency else {
          throw Problem(
            409, "currencies_differ", "The cart is in \(row.currency), one's own in \(own.currency)",
            detail: "Order or empty one of them first.")
        }
        for line in own.lines {
          let here = row.lines.first { $0.sku == line.sku }?.quantity ?? 0
          row.lines = try Self.setting(line.sku, to: max(here, line.quantity), in: row.lines)
        }
        row.shippingAddress = row.shippingAddress ?? own.shippingAddress
        try store.delete(own.id)
      }
      row.userID = user
      row.version += 1
      row.expiresAt = expiry(after: try transaction.now)
      try store.update(row)
      return row
    }
    return try await priced(row)
  }

  /// A cart becomes one order: the second call gets the order of the first.
  func checkout(_ request: Checkout, by principal: Principal, once key: IdempotencyKey?) async throws -> Once<Order> {
    let user = try principal.accountID
    if let earlier = try await core.database.recorded(under: key, as: Order.self) { return earlier }
    let cart = try await core.database.read { try Self.visible(request.id, to: principal, $0) }
    if let done = try await order(of: cart) { return Once(done, isReplay: false) }
    guard !cart.lines.isEmpty else {
      throw Problem(409, "cart_empty", "There is nothing in the cart", detail: "Put something into it first.")
    }
    guard let address = request.shippingAddress ?? cart.shippingAddress else {
      throw Problem.invalid("shipping_address", "required", "is missing, here and in the cart")
    }
    let wanted = try Placements.checked(
      Placement(
        lines: cart.lines, shippingAddress: address, billingAddress: request.billingAddress,
        paymentMethod: request.paymentMethod, currency: cart.currency))
    let totals = try await placements.totals(of: wanted)
    if let expected = request.expectedTotal, expected != totals.total {
      throw Problem(
        409, "prices_changed", "The total is now \(totals.total.decimal)",
        detail: "Show it to the buyer, then ask again with it.",
        extensions: [
          "total": .object(["amount": .integer(totals.total.amount), "currency": .string(cart.currency.code)])
        ]
      )
    }
    let (id, payment) = (core.newID(), core.newID())
    return try await core.database.write(once: key) { transaction in
      try transaction.lock("cart \(request.id.lowercased)")
      var row = try Self.visible(request.id, to: principal, transaction)
      if let order = row.orderID, let done = try OrderStore(transaction).find(order) { return try done.order }
      guard row.version == cart.version else {
        throw Problem(
          409, "prices_changed", "The cart was changed meanwhile", detail: "Read it again, then ask again.",
          retryAfter: 1)
      }
      let order = try placements.insert(wanted, totals, id: id, payment: payment, user: user, in: transaction)
      row.status = .completed
      row.orderID = id
      row.userID = user
      row.version += 1
      try CartStore(transaction).update(row)
      return order
    }
  }

  private func order(of cart: CartRow) async throws -> Order? {
    guard let id = cart.orderID else { return nil }
    return try await core.database.read { try OrderStore($0).find(id)?.order }
  }

  typealias Require = @Sendable (EntityTag) throws -> Void

  private func change(
    _ id: UUID, by principal: Principal?, _ require: @escaping Require,
    _ body: @escaping @Sendable (inout CartRow) throws -> Void
  ) async throws -> Cart {
    let row = try await core.database.write { transaction in
      try transaction.lock("cart \(id.lowercased)")
      var row = try Self.open(try Self.visible(id, to: principal, transaction))
      try require(EntityTag(version: row.version))
      try body(&row)
      row.version += 1
      row.expiresAt = expiry(after: try transaction.now)
      try CartStore(transaction).update(row)
      return row
    }
    return try await priced(row)
  }

  private func expiry(after now: Date) -> Date {
    now.addingTimeInterval(core.configuration.cartLifetime / .seconds(1)).roundedToMicroseconds
  }

  private static func visible(_ id: UUID, to principal: Principal?, _ transaction: any Transaction) throws -> CartRow {
    guard let row = try CartStore(transaction).find(id),
      row.userID == nil || row.userID?.lowercased == principal?.subject
    else { throw Problem.notFound("cart") }
    return row
  }

  private static func open(_ row: CartRow) throws -> CartRow {
    guard row.status == .open else {
      throw Problem(
        409, "cart_completed", "The cart was ordered", detail: "Open another one.",
        extensions: ["order_id": row.orderID.map { .string($0.lowercased) } ?? .null])
    }
    return row
  }

  private static func setting(_ sku: String, to quantity: Int64, in lines: [RequestedLine]) throws -> [RequestedLine] {
    var lines = lines
    if let index = lines.firstIndex(where: { $0.sku == sku }) {
      if quantity == 0 { lines.remove(at: index) } else { lines[index].quantity = quantity }
    } else if quantity > 0 {
      guard lines.count < PlacementChecks.greatestLines else {
        throw Problem(
          409, "too_many_lines", "A cart has at most \(PlacementChecks.greatestLines) lines",
          detail: "Take something out first.")
      }
      lines.append(RequestedLine(sku: sku, quantity: quantity))
    }
    return lines
  }
}

// MARK: - Prices

extension Carts {
  /// What cannot be bought now stays in the cart and does not count.
  private func priced(_ row: CartRow) async throws -> Cart {
    guard !row.lines.isEmpty else { return Self.empty(row) }
    let answers = try await core.catalogue.offers(row.lines.map(\.sku), in: row.currency)
    var (lines, items): ([Cart.Line], [(offer: Offer, quantity: Int64)]) = ([], [])
    for line in row.lines {
      switch answers[line.sku] ?? .missing("unknown") {
      case .offer(let offer):
        items.append((offer, line.quantity))
        lines.append(
          Cart.Line(
            sku: line.sku, quantity: line.quantity, title: offer.title, unitPrice: offer.price,
            subtotal: try? offer.price.multiplied(by: line.quantity), problem: nil))
      case .missing(let reason):
        lines.append(
          Cart.Line(
            sku: line.sku, quantity: line.quantity, title: nil, unitPrice: nil, subtotal: nil, problem: reason))
      }
    }
    let totals = try Totals(
      items, currency: row.currency, country: row.shippingAddress?.country, core.configuration)
    return Self.cart(row, lines, totals)
  }

  private static func empty(_ row: CartRow) -> Cart {
    let zero = Money(0, row.currency)!
    return Cart(
      id: row.id, userID: row.userID, status: row.status, currency: row.currency, lines: [],
      shippingAddress: row.shippingAddress, subtotal: zero, shipping: zero, tax: zero, discount: zero, total: zero,
      orderID: row.orderID, expiresAt: row.expiresAt, version: row.version)
  }

  private static func cart(_ row: CartRow, _ lines: [Cart.Line], _ totals: Totals) -> Cart {
    Cart(
      id: row.id, userID: row.userID, status: row.status, currency: row.currency, lines: lines,
      shippingAddress: row.shippingAddress, subtotal: totals.subtotal, shipping: totals.shipping, tax: totals.tax,
      discount: totals.discount, total: totals.total, orderID: row.orderID, expiresAt: row.expiresAt,
      version: row.version)
  }
}
