public import GravityDiscovery
import Logging
public import ServiceLifecycle

/// A registry as the suite sees it.
public struct EngineUnderTest: Sendable {
  /// A registry, with what has to run for it.
  public struct Opened: Sendable {
    var registry: any Registry
    var services: [any Service]
    var close: @Sendable () async throws -> Void

    public init(
      registry: any Registry, services: [any Service] = [], close: @escaping @Sendable () async throws -> Void = {}
    ) {
      self.registry = registry
      self.services = services
      self.close = close
    }
  }
  /// Makes a registry over one and the same place; it does not run yet. Two of them are two processes of one platform.
  public var open: @Sendable () throws -> Opened
  /// Whether what one of them is told is seen by another.
  public var isShared: Bool
  /// The service whose instances it knows by itself, and where they are: one that takes no registrations.
  public var given: (service: String, addresses: [String])?

  public init(
    isShared: Bool, given: (service: String, addresses: [String])? = nil,
    open: @escaping @Sendable () throws -> Opened
  ) {
    self.isShared = isShared
    self.given = given
    self.open = open
  }

  /// With as many registries as wanted, running.
  func with(_ count: Int = 1, _ body: @Sendable ([any Registry]) async throws -> Void) async throws {
    let opened = try (0..<count).map { _ in try open() }
    let group = ServiceGroup(
      services: opened.flatMap(\.services), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let failure: (any Error)? = await withTaskGroup(of: (any Error)?.self) { tasks in
      if opened.contains(where: { !$0.services.isEmpty }) {
        tasks.addTask { await caught { try await group.run() } }
      }
      let failure = await caught { try await body(opened.map(\.registry)) }
      await group.triggerGracefulShutdown()
      let ended = await tasks.next() ?? nil
      return failure ?? ended
    }
    for place in opened { try await place.close() }
    if let failure { throw failure }
  }
}

private func caught(_ body: () async throws -> Void) async -> (any Error)? {
  do { try await body() } catch { return error }
  return nil
}
