import AsyncHTTPClient
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import Hummingbird
import InventoryAPI
import InventoryServer
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PostgresEngine
import SQLiteEngine

// `inventorybench [SECONDS=3] [URL of an empty PostgreSQL database]` prints a table: reservations a second of one SKU
// that everybody wants and of 1 000, with what waits going together and with a transaction each; then over HTTP.

let arguments = CommandLine.arguments.dropFirst()
let seconds = arguments.first.flatMap(Double.init) ?? 3
let clients = 64
let silent = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

print("| \(clients) clients | reservations/s | p50 ms | p99 ms | CPU µs each (client and service) |")
print("|---|---|---|---|---|")
let folder = FileManager.default.temporaryDirectory.appending(path: "inventorybench-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let file = try SQLiteDatabase(path: folder.appending(path: "bench.sqlite").path(percentEncoded: false), logger: silent)
try await measureAll("SQLite", file)
await file.close()
try FileManager.default.removeItem(at: folder)
if let url = arguments.dropFirst().first {
  var configuration = PostgresDatabase.Configuration()
  configuration.maximumConnections = 10
  let server = try PostgresDatabase(url: url, configuration: configuration, logger: silent)
  try await measureAll("PostgreSQL", server)
  await server.close()
}

/// Lets everybody in: what a token costs is measured elsewhere.
struct OpenDoor: TokenVerifier {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    Principal(
      subject: "order", tokenID: token, permissions: ["inventory:*"], issuedAt: .distantPast,
      expiresAt: .distantFuture, isService: true)
  }
}

func measureAll(_ engine: String, _ database: any GravityData.Database) async throws {
  try await Migrator(database: database, logger: silent).run(InventoryService.migrations)
  let together = try service(database, batch: 64)
  let skus = (0..<1_000).map { "SKU-\($0)" }
  for sku in skus + ["HOT"] { try await together.receive(sku, 1_000_000_000) }
  let alone = try service(database, batch: 1)
  for (name, service) in [("a transaction each", alone), ("together", together)] {
    try await measure("\(engine), one SKU, \(name)") { _ in try await reserve(service, "HOT") }
    try await measure("\(engine), 1 000 SKUs, \(name)") { n in try await reserve(service, skus[n % skus.count]) }
  }
  try await overHTTP("\(engine), one SKU, together, over HTTP", together)
}

func service(_ database: any GravityData.Database, batch: Int) throws -> InventoryService {
  var configuration = InventoryConfiguration()
  configuration.batch = batch
  return try InventoryService(
    database: database, verifier: OpenDoor(), configuration: configuration, logger: silent,
    metrics: PrometheusMetrics())
}

func reserve(_ service: InventoryService, _ sku: String) async throws {
  _ = try await service.reserve(NewStockReservation(lines: [.init(sku: sku, quantity: 1)], ttlSeconds: 3_600))
}

func overHTTP(_ name: String, _ service: InventoryService) async throws {
  let (ports, port) = AsyncStream<Int>.makeStream()
  let application = Application(
    responder: try service.responder(telemetry: HTTPTelemetry(logger: silent, metrics: PrometheusMetrics())),
    configuration: .init(address: .hostname("127.0.0.1", port: 0)),
    onServerRunning: { port.yield($0.localAddress?.port ?? 0) }, logger: silent)
  let running = Task { try await application.run() }
  var places = ports.makeAsyncIterator()
  guard let number = await places.next() else { return }
  let http = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup)
  let body = #"{"lines":[{"sku":"HOT","quantity":1}],"ttl_seconds":3600}"#
  try await measure(name) { _ in
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(number)/api/v1/inventory/reservations")
    request.method = .POST
    request.headers.add(name: "Authorization", value: "Bearer any")
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(string: body))
    let response = try await http.execute(request, timeout: .seconds(10))
    _ = try await response.body.collect(upTo: 1 << 16)
    guard response.status.code == 201 else { fatalError("\(response.status)") }
  }
  try await http.shutdown()
  running.cancel()
  _ = await running.result
}

/// Each client calls again as soon as it is answered.
func measure(_ name: String, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
  let (start, cpu) = (DispatchTime.now().uptimeNanoseconds, clock())
  let end = start + UInt64(seconds * 1e9)
  var times = try await withThrowingTaskGroup(of: [UInt64].self) { group in
    for client in 0..<clients {
      group.addTask {
        var (times, n) = ([UInt64](), client)
        while true {
          let before = DispatchTime.now().uptimeNanoseconds
          guard before < end else { return times }
          try await body(n)
          times.append(DispatchTime.now().uptimeNanoseconds - before)
          n += clients + 1
        }
      }
    }
    return try await group.reduce(into: []) { $0 += $1 }
  }
  let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  times.sort()
  func milliseconds(_ part: Double) -> String {
    String(format: "%.1f", Double(times[min(times.count - 1, Int(Double(times.count) * part))]) / 1e6)
  }
  let rate = Int(Double(times.count) / elapsed)
  let used = Int(Double(clock() - cpu) / Double(times.count))
  print("| \(name) | \(rate) | \(milliseconds(0.5)) | \(milliseconds(0.99)) | \(used) |")
}
