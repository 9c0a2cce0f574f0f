// The gateway as the benchmark runs it: a cached token, a blacklist, limits, breaker, access log and metrics on.
// Usage: [GATEWAYBENCH_LOOPS=1] [GATEWAYBENCH_TRACES=on|unsampled] [GATEWAYBENCH_LIMITS=shared] gatewaybench PORT UPSTREAM_PORT,… LOG_FILE
//        GATEWAYBENCH_FOLLOW=stdin takes another set of upstream ports with each line of standard input,
//        GATEWAYBENCH_TLS=CERTIFICATE:KEY listens with TLS,
//        GATEWAYBENCH_TIMEOUT=1000 gives a request so many milliseconds to be answered.
import CoreMetrics
import Foundation
import Gateway
import GravityContracts
import GravityDiscovery
import GravityIdentity
import GravityLimits
import GravityTelemetry
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Takes any token that says so; verifying is not what is measured, remembering is.
struct BenchVerifier: TokenVerifier {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    guard token.hasPrefix("bench.") else { throw TokenRefusal(.invalid, "not of this benchmark") }
    return Principal(
      subject: "0190a5b4-7c3e-7000-8000-0123456789ab", tokenID: "0190a5b4-7c3e-7000-8000-0123456789ac",
      sessionID: "0190a5b4-7c3e-7000-8000-0123456789ad", permissions: ["items:read"], issuedAt: Date(),
      expiresAt: Date(timeIntervalSinceNow: 3600))
  }
}

/// A histogram of sixteen buckets and a sum, as a Prometheus backend keeps them.
final class BenchHistogram: TimerHandler, Sendable {
  private let counts = Mutex(InlineCounts())
  struct InlineCounts {
    var buckets = [Int](repeating: 0, count: 16)
    var sum: Int64 = 0
  }
  func recordNanoseconds(_ duration: Int64) {
    let bucket = min(15, max(0, (Int64.bitWidth - duration.leadingZeroBitCount) / 2 - 5))
    counts.withLock { counts in
      counts.buckets[bucket] += 1
      counts.sum += duration
    }
  }
}

struct BenchMetrics: MetricsFactory {
  private let rest = NOOPMetricsHandler.instance
  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { rest }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { rest }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { BenchHistogram() }
  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { rest }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = Int(arguments[1]) else {
  print("Usage: gatewaybench PORT UPSTREAM_PORT LOG_FILE")
  exit(64)
}
let descriptor = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC, 0o644)
let registry = InProcessRegistry()
let environment = ProcessInfo.processInfo.environment

/// Takes the place of the set before.
@Sendable func use(_ ports: [Int], instead before: [Int] = []) {
  for port in ports {
    registry.register(ServiceInstance(id: "items-\(port)", service: "items", host: "127.0.0.1", port: port))
  }
  for port in before where !ports.contains(port) { registry.deregister(id: "items-\(port)") }
}
let upstreamPorts = arguments[2].split(separator: ",").compactMap { Int($0) }
use(upstreamPorts)
if environment["GATEWAYBENCH_FOLLOW"] == "stdin" {
  Thread {
    var before = upstreamPorts
    while let line = readLine() {
      let ports = line.split(separator: " ").compactMap { Int($0) }
      use(ports, instead: before)
      before = ports
    }
  }.start()
}
let revocations = RevocationList(maximumAge: nil)
revocations.insert(
  (0..<10_000).flatMap { index in
    [
      Revocation(.token("revoked-\(index)"), expiresAt: Date(timeIntervalSinceNow: 3600)),
      Revocation(.session("session-\(index)"), expiresAt: Date(timeIntervalSinceNow: 3600)),
      Revocation(.subject("subject-\(index)", epoch: 3), expiresAt: Date(timeIntervalSinceNow: 3600)),
    ]
  })
var configuration = GatewayConfiguration(port: port, loops: environment["GATEWAYBENCH_LOOPS"].flatMap(Int.init) ?? 1)
configuration.rateLimit = RateLimit(requests: 1_000_000_000, per: .seconds(60))
if let milliseconds = environment["GATEWAYBENCH_TIMEOUT"].flatMap(Int.init) {
  configuration.timeouts.firstByte = .milliseconds(milliseconds)
}
// A certificate's file and its key's, with a colon between.
if let files = environment["GATEWAYBENCH_TLS"]?.split(separator: ":"), files.count == 2 {
  configuration.tls = TLSSettings(certificateFile: String(files[0]), keyFile: String(files[1]))
}
var logger = Logger(label: "bench")
logger.logLevel = .warning
let log = BlockAccessLog(loops: configuration.loops ?? 1) { bytes in
  // One write a block: what does not fit into the pipe or file is not the point here.
  _ = write(descriptor, bytes.baseAddress, bytes.count)
}
// Spans are kept and not sent: that is another thread's work, and depends on who takes them.
let tracer: Tracer? =
  switch environment["GATEWAYBENCH_TRACES"] {
  case "on": Tracer(resource: SpanResource(service: "gateway"), sampler: .alwaysOn, buffer: SpanBuffer())
  case "unsampled": Tracer(resource: SpanResource(service: "gateway"), sampler: .alwaysOff, buffer: SpanBuffer())
  default: nil
  }
// Leases from a store in this process: what deciding from them costs, and asking for them now and then.
let limitStore: InMemoryLimitStore? =
  environment["GATEWAYBENCH_LIMITS"] == "shared" ? InMemoryLimitStore() : nil
let gateway = try Gateway(
  configuration: configuration,
  routes: [
    Route("items.list", path: "/api/v1/items", methods: ["GET"], service: "items", access: .permission("items:read")),
    Route("items.get", path: "/api/v1/items/{id}", methods: ["GET"], service: "items", access: .authenticated),
    Route("items.add", path: "/api/v1/items", methods: ["POST"], service: "items", access: .authenticated),
  ],
  registry: registry, verifier: BenchVerifier(), revocations: revocations, limitStore: limitStore,
  accessLog: log, logger: logger,
  metricsFactory: BenchMetrics(), tracer: tracer)
try await ServiceGroup(
  services: [gateway, log], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
).run()
