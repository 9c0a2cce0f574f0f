public import Foundation
public import Gateway
public import Logging
public import Metrics
public import ServiceLifecycle
import Synchronization

/// Where a route file comes from.
public protocol RouteSource: Sendable {
  /// What people are told that it is called.
  var name: String { get }
  /// Calls `take` with what stands there now, and then whenever it is another, until the task is cancelled. A failure
  /// says why nothing stands there.
  func follow(_ take: @escaping @Sendable (Result<[UInt8], RouteSourceError>) async -> Void) async
}

/// Why nothing can be had from where routes come from.
public struct RouteSourceError: Error, Sendable, CustomStringConvertible {
  /// The source's name and what is wrong, for people.
  public var description: String
  /// - Parameter description: The source's name and what is wrong, for people.
  public init(_ description: String) { self.description = description }
}

/// Keeps a gateway's routes as their source has them. A change that is good is taken as a whole and told; one that is not
/// is refused as a whole, with every reason, and what was there before stays.
public final class LiveRoutes: Service {
  /// How the source stands to what is in force.
  public struct Standing: Sendable {
    /// What the source is called.
    public var source: String
    /// When what is in force was taken.
    public var since: Date
    /// Why what stands in the source now is not in force; nil where it is.
    public var refusal: String?
  }

  private struct State {
    var file: RouteFile
    var since: Date
    var refusal: String?
  }
  private let source: any RouteSource
  private let rules: RouteFile.Rules
  private let gateway: Gateway
  private let registry: UpstreamRegistry
  private let logger: Logger
  private let state: Mutex<State>
  private let taken: Counter
  private let refused: Counter
  private let isRefused: Gauge
  private let count: Gauge

  /// - Parameters:
  ///   - file: What `gateway` was made with, besides the routes of `rules`.
  ///   - registry: Where `gateway` looks for instances.
  public init(
    _ file: RouteFile, from source: any RouteSource, rules: RouteFile.Rules, gateway: Gateway,
    registry: UpstreamRegistry, logger: Logger, metrics: any MetricsFactory, now: Date = Date()
  ) {
    self.source = source
    self.rules = rules
    self.gateway = gateway
    self.registry = registry
    self.logger = logger
    state = Mutex(State(file: file, since: now))
    func changes(_ outcome: String) -> Counter {
      Counter(label: "gateway.routes.changes", dimensions: [("outcome", outcome)], factory: metrics)
    }
    (taken, refused) = (changes("taken"), changes("refused"))
    isRefused = Gauge(label: "gateway.routes.refused", dimensions: [], factory: metrics)
    count = Gauge(label: "gateway.routes", dimensions: [], factory: metrics)
    isRefused.record(0)
    count.record(file.routes.count)
  }

  /// How it is now.
  public var standing: Standing {
    state.withLock { Standing(source: source.name, since: $0.since, refusal: $0.refusal) }
  }

  /// Follows the source until shutdown.
  public func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      await source.follow { [self] in await take($0) }
    }
  }

  func take(_ contents: Result<[UInt8], RouteSourceError>) async {
    let former = state.withLock(\.file)
    do {
      let file = try RouteFile(try contents.get(), name: source.name, rules: rules)
      let changes = former.changes(to: file)
      guard !(changes.added + changes.removed + changes.changed).isEmpty else { return unchanged(file) }
      registry.add(file)
      do throws(RouteError) { try await gateway.replace(routes: rules.others + file.routes) } catch {
        registry.keep(former)
        return refuse("\(source.name): \(error)")
      }
      registry.keep(file)
      state.withLock { $0 = State(file: file, since: Date()) }
      taken.increment()
      isRefused.record(0)
      count.record(file.routes.count)
      logger.notice(
        "routes were replaced",
        metadata: [
          "gravity.source": "\(source.name)", "gravity.routes": "\(file.routes.count)",
          "gravity.added": "\(Self.named(changes.added))", "gravity.removed": "\(Self.named(changes.removed))",
          "gravity.changed": "\(Self.named(changes.changed))",
        ])
    } catch {
      refuse("\(error)")
    }
  }

  /// What is in force stands there (again).
  private func unchanged(_ file: RouteFile) {
    let wasRefused = state.withLock { state in
      defer { state.refusal = nil }
      return state.refusal != nil
    }
    isRefused.record(0)
    if wasRefused { logger.notice("what is in force stands in \(source.name) again") }
  }

  private func refuse(_ reason: String) {
    let isNew = state.withLock { state in
      defer { state.refusal = reason }
      return state.refusal != reason
    }
    guard isNew else { return }
    refused.increment()
    isRefused.record(1)
    logger.error("routes are refused, and the former stay", metadata: ["error.message": "\(reason)"])
  }

  private static func named(_ names: [String]) -> String {
    names.prefix(20).joined(separator: ", ") + (names.count > 20 ? " and \(names.count - 20) more" : "")
  }
}
