import Foundation
import GravityCache
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import Hummingbird
import Logging
import PostgresEngine
import ProductAPI
import ProductServer
import SQLiteEngine

/// `cataloguebench fill PLACE COUNT IDS` makes a catalogue and writes its ids to a file;
/// `cataloguebench serve PLACE PORT cold|warm` serves it, without or with L1.
@main
enum CatalogueBench {
  static let silent = Logger(label: "cataloguebench") { _ in SwiftLogNoOpLogHandler() }

  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 4 else {
      FileHandle.standardError.write(
        Data("usage: cataloguebench fill PLACE COUNT IDS | serve PLACE PORT cold|warm\n".utf8))
      exit(64)
    }
    let place = arguments[1]
    let database: any Database =
      place.hasPrefix("postgres") ? try PostgresDatabase(url: place) : try SQLiteDatabase(path: place)
    if arguments[0] == "fill", let count = Int(arguments[2]) {
      try await fill(database, count, ids: arguments[3])
    } else if let port = Int(arguments[2]) {
      try await serve(database, port, isWarm: arguments[3] == "warm")
    }
    await database.close()
  }

  static func fill(_ database: any Database, _ count: Int, ids path: String) async throws {
    try await Migrator(database: database, logger: silent).run(ProductService.migrations)
    let began = ContinuousClock.now
    var ids: [String] = []
    for start in stride(from: 0, to: count, by: 1_000) {
      let products = (start..<min(start + 1_000, count)).map(product)
      try await BulkInsertion.insert(products, in: database)
      ids += products.map { $0.id.uuidString.lowercased() }
    }
    try ids.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    print("\(count) products in \(Int(seconds)) s")
  }

  /// The same for the same number, but for its ids: two to six variants with a price in two currencies each.
  static func product(_ number: Int) -> Product {
    let adjectives = ["Red", "Blue", "Soft", "Heavy", "Warm", "Light", "Classic", "Modern"]
    let things = ["Shirt", "Trousers", "Lamp", "Chair", "Mug", "Bag", "Watch", "Cable", "Book"]
    let title = "\(adjectives[number % 8]) \(things[number / 8 % 9]) \(number)"
    let sizes = ["XS", "S", "M", "L", "XL", "XXL"].prefix(2 + number % 5)
    let time = Date(microsecondsSince1970: 1_700_000_000_000_000 + Int64(number) * 1_000_000)
    guard let dollar = Currency("USD"), let yen = Currency("JPY") else { fatalError("currencies of ISO 4217") }
    return Product(
      id: UUID.v7(), externalID: "ext-\(number)", title: title,
      slug: title.lowercased().replacing(" ", with: "-"),
      description: String(repeating: "A thing that is bought by people who like it. ", count: 4), status: .published,
      categoryID: nil, tags: ["generated", "tag \(number % 50)"],
      options: [ProductOption(name: "Size", values: Array(sizes))],
      variants: sizes.map { size in
        Variant(
          id: UUID.v7(), sku: "SKU-\(number)-\(size)", title: size, options: ["Size": size],
          prices: [
            Price(amount: Int64(500 + number % 9_000), currency: dollar),
            Price(amount: Int64(60_000 + number % 9_000), currency: yen),
          ], barcode: nil, requiresShipping: true, availability: .unknown)
      }, version: 1, createdAt: time, updatedAt: time, publishedAt: time, deletedAt: nil)
  }

  static func serve(_ database: any Database, _ port: Int, isWarm: Bool) async throws {
    let metrics = PrometheusMetrics()
    var reader: (any ProductReader)?
    if isWarm {
      reader = CachedProducts(
        products: try Cache(name: "product", policy: CachedProducts.policy, metrics: metrics, logger: silent),
        slugs: try Cache(name: "product_slug", policy: CachedProducts.slugPolicy, metrics: metrics, logger: silent),
        database: DatabaseProducts(database: database), isReliable: { true })
    }
    let service = ProductService(
      database: database, verifier: NoTokens(), reader: reader, logger: silent, metrics: metrics)
    let application = Application(
      responder: try service.responder(telemetry: HTTPTelemetry(logger: silent, metrics: metrics)),
      configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: silent)
    try await application.runService()
  }
}

/// Nobody logs in here.
struct NoTokens: TokenVerifier {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal { throw TokenRefusal(.invalid, "no tokens") }
}
