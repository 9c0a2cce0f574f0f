import ArgumentParser
import Foundation
import GravityContracts
import GravityDiscovery
import GravityService

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fill a running platform with a small shop and place orders in it.",
    discussion: """
      Needs a platform that runs (gravity up) and an administrator. Everything goes through the gateway, as your own
      clients would: products in three currencies, stock, a buyer, and an order for each way a payment can go.
      Running it again adds orders and leaves the shop as it is.
      """)
  @OptionGroup var options: PlatformOptions
  @Option(help: "The administrator's address.") var email: String?
  @Option(help: "The administrator's password; else GRAVITY_ADMIN_PASSWORD.") var password: String?
  @Option(help: "How many orders: 1 to 10000.") var orders = 12

  func run() async throws {
    guard (1...10_000).contains(orders) else { throw ValidationError("--orders takes 1 to 10000") }
    let layers = try await options.configuration(store: false)
    let configuration = try PlatformConfiguration(layers)
    let base =
      "\(configuration.gatewayScheme)://\(configuration.reachedHost):\(configuration.port(Catalog.gatewayPort))"
    guard let password = try password ?? layers.optional(Settings.adminPassword) else {
      throw ValidationError(
        "give the administrator's password: --password, or GRAVITY_ADMIN_PASSWORD; gravity up showed it when it was made"
      )
    }
    let shop = ShopVisitor(base: base)
    let administrator: ShopVisitor
    do {
      administrator = try await shop.login(try email ?? layers.value(Settings.adminEmail), password)
    } catch {
      throw StartFailure(.unavailable, "\(error); is a platform running at \(base)?")
    }
    try await DemoShop(administrator: administrator, visitor: shop).run(orders: orders)
    print("\nLook at them: \(base)/console/sagas, or gravity saga list")
  }
}

/// The shop of the demonstration.
struct DemoShop: Sendable {
  let administrator: ShopVisitor
  let visitor: ShopVisitor

  private struct Article {
    var sku: String
    var title: String
    var prices: [String: Int64]
    var stock: Int64
  }
  private static let articles = [
    Article(sku: "MUG-BLUE", title: "Blue mug", prices: ["USD": 1_299, "JPY": 1_900, "KWD": 3_990], stock: 500),
    Article(sku: "TEE-M", title: "T-shirt, M", prices: ["USD": 2_450, "JPY": 3_600, "KWD": 7_500], stock: 300),
    Article(sku: "LAMP-OAK", title: "Oak lamp", prices: ["USD": 8_900, "JPY": 13_000, "KWD": 27_350], stock: 40),
    Article(sku: "LAST-ONE", title: "The last one", prices: ["USD": 50_000, "JPY": 75_000, "KWD": 153_000], stock: 1),
  ]
  private static let methods = [
    "pm_sim_approve", "pm_sim_approve", "pm_sim_approve", "pm_sim_decline_insufficient_funds", "pm_sim_timeout",
    "pm_sim_late_success",
  ]

  func run(orders count: Int) async throws {
    for article in Self.articles { try await stock(article) }
    let email = "buyer-\(UUID().uuidString.prefix(8).lowercased())@demo.example"
    let password = "buys-\(UUID().uuidString.prefix(12).lowercased())"
    _ = try await visitor.ask(
      "POST", "/api/v1/auth/register",
      .object(["email": .string(email), "password": .string(password), "name": "Demo Buyer"]))
    let buyer = try await visitor.login(email, password)
    print("buyer     \(email)")
    for index in 0..<count { try await order(index, buyer) }
  }

  private func stock(_ article: Article) async throws {
    let amounts: [JSONValue] = article.prices.sorted { $0.key < $1.key }.map {
      .object(["amount": .integer($0.value), "currency": .string($0.key)])
    }
    let made = try await administrator.ask(
      "POST", "/api/v1/products",
      .object([
        "title": .string(article.title), "status": "published",
        "variants": .array([.object(["sku": .string(article.sku), "prices": .array(amounts)])]),
      ]))
    if made.status == 409 { return print("product   \(article.sku) is there already") }
    guard made.status == 201 else { throw failure("product \(article.sku)", made) }
    let stocked = try await administrator.ask(
      "POST", "/api/v1/inventory/items/\(article.sku)/adjustments",
      .object(["delta": .integer(article.stock), "reason": "received"]), key: UUID().uuidString)
    guard (200..<300).contains(stocked.status) else { throw failure("stock of \(article.sku)", stocked) }
    print("product   \(article.sku), \(article.stock) in stock")
  }

  private func order(_ index: Int, _ buyer: ShopVisitor) async throws {
    let article = Self.articles[index % Self.articles.count]
    let method = Self.methods[index % Self.methods.count]
    let placed = try await buyer.ask(
      "POST", "/api/v1/orders",
      .object([
        "lines": .array([.object(["sku": .string(article.sku), "quantity": .integer(1)])]),
        "shipping_address": .object(["name": "Demo Buyer", "line1": "1 Demo Street", "city": "Berlin", "country": "DE"]
        ),
        "payment_method": .string(method), "currency": .string(["USD", "JPY", "KWD"][index % 3]),
      ]), key: UUID().uuidString, wait: 5)
    guard placed.status == 201 else { throw failure("order \(index + 1)", placed) }
    let reason = placed["cancel_reason"].text.map { " (\($0))" } ?? ""
    print(
      "order     \(placed["number"].text ?? "?")  \(article.sku)  \(method)  \(placed["status"].text ?? "?")\(reason)")
  }

  private func failure(_ what: String, _ reply: ShopVisitor.Reply) -> StartFailure {
    StartFailure(.unavailable, "\(what): \(reply.status) \(reply["title"].text ?? "")")
  }
}
