public import Foundation
public import Gateway
import GatewayAPI
import GravityContracts
public import GravityHTTP
public import GravityIdentity
public import Hummingbird
public import ServiceLifecycle

/// A gateway's administration: says what the gateway says of itself, to whoever may know it.
public struct GatewayAdministration: Sendable {
  /// How the gateway's routes stand to where they come from.
  public struct Origin: Sendable {
    /// What the source is called: a file, a key of Consul's, or `services`.
    public var source: String
    /// When the routes in force were taken.
    public var since: Date
    /// Why what stands in the source now is not in force; nil where it is.
    public var refusal: String?

    /// As the fields say.
    public init(source: String, since: Date, refusal: String? = nil) {
      self.source = source
      self.since = since
      self.refusal = refusal
    }
  }

  let gateway: Gateway
  let verifier: any TokenVerifier
  let id: @Sendable () async -> String
  let version: String
  let startedAt: Date
  let origin: @Sendable () -> Origin
  let history = TrafficHistory()

  /// - Parameters:
  ///   - verifier: Checks tokens once more, as every service does.
  ///   - id: Tells the gateway from others.
  public init(
    _ gateway: Gateway, verifier: any TokenVerifier, version: String, startedAt: Date = Date(),
    origin: @escaping @Sendable () -> Origin, id: @escaping @Sendable () async -> String
  ) {
    self.gateway = gateway
    self.verifier = verifier
    self.version = version
    self.startedAt = startedAt
    self.origin = origin
    self.id = id
  }

  /// Looks at the counters every five seconds. Ends on graceful shutdown.
  public var tasks: any Service { Looking(administration: self) }

  /// What serves ``GatewayAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? .init(verifier: verifier))
    bind(to: &routes)
    return try routes.build(declared: GatewayAPI.endpoints, telemetry: telemetry)
  }

  private struct Looking: Service {
    let administration: GatewayAdministration

    func run() async throws {
      await cancelWhenGracefulShutdown {
        while (try? await Task.sleep(for: TrafficHistory.interval)) != nil {
          administration.history.note(await administration.gateway.traffic())
        }
      }
    }
  }
}
