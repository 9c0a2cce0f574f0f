public import Logging
public import ServiceLifecycle

/// Instances by DNS: a name that resolves to the address of each, as a headless service of Kubernetes does.
///
/// Whoever runs the names says who is there, so nothing is registered. Kubernetes leaves an instance that is not ready
/// out of the answer. The last addresses stay in force while name servers are away, and when they answer that there are
/// none: DNS cannot tell a service that was given up from one none of whose instances is ready, and addresses that may
/// answer are better than none.
public final class DNSRegistry: Registry, Service {
  private let template: DNSTemplate
  private let ports: [String: Int]
  private let interval: Duration
  private let logger: Logger
  private let board = InstanceBoard()
  private let resolver: NameResolver?
  private let resolve: @Sendable (String) async throws -> [String]

  /// - Parameters:
  ///   - ports: Of each service, for templates with `{port}`.
  ///   - interval: Between two look-ups of a name, give or take a tenth.
  ///   - resolve: nil is the system's resolver, on threads of its own.
  public init(
    _ template: DNSTemplate, ports: [String: Int], every interval: Duration = .seconds(3), logger: Logger,
    resolve: (@Sendable (String) async throws -> [String])? = nil
  ) {
    self.template = template
    self.ports = ports
    self.interval = interval
    self.logger = logger
    if let resolve {
      resolver = nil
      self.resolve = resolve
    } else {
      let resolver = NameResolver()
      self.resolver = resolver
      self.resolve = { try await resolver.addresses(of: $0) }
    }
  }

  /// Nothing: the names are somebody else's to change.
  public func register(_ instance: ServiceInstance) {}
  /// Nothing: the names are somebody else's to change.
  public func deregister(id: String) {}

  /// Others look again only after a while.
  public var departure: Duration { interval * 1.2 }

  public func instances(of service: String) -> AsyncStream<[ServiceInstance]> { board.instances(of: service) }

  /// Looks names up until shutdown.
  public func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        for await service in board.wanted { group.addTask { await self.watch(service) } }
      }
    }
    resolver?.close()
  }

  private func watch(_ service: String) async {
    let name = template.host(of: service)
    guard let port = template.port(of: service, ports) else {
      logger.error("no port is known for \(service), so its instances are not looked up")
      return
    }
    var last: LookupError?
    while !Task.isCancelled {
      do {
        let addresses = try await resolve(name)
        guard !addresses.isEmpty else { throw LookupError(name: name, isMissing: true, reason: "no addresses") }
        board.publish(
          addresses.sorted().map {
            ServiceInstance(id: "\(service)-\($0)-\(port)", service: service, host: $0, port: port)
          }, of: service)
        if last != nil { logger.notice("\(name) resolves again") }
        last = nil
      } catch {
        let error = error as? LookupError ?? LookupError(name: name, isMissing: false, reason: "\(error)")
        if error != last {
          logger.warning(
            "\(name) does not resolve; what was known last stays in force", metadata: ["error.message": "\(error)"])
        }
        last = error
      }
      do { try await Task.sleep(for: interval * Double.random(in: 0.9...1.1)) } catch { return }
    }
  }
}
