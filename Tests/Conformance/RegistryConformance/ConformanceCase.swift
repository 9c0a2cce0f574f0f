import Foundation
import GravityDiscovery
public import Testing

/// One thing that every registry must do.
public struct ConformanceCase: Sendable, CustomTestStringConvertible {
  public let name: String
  private let body: @Sendable (EngineUnderTest) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (EngineUnderTest) async throws -> Void) {
    self.name = name
    self.body = body
  }

  public var testDescription: String { name }

  public func run(on engine: EngineUnderTest) async throws { try await body(engine) }

  /// Those of a registry that takes registrations. An engine's tests run each as a case of one parameterised test.
  public static let all = registering + listening
}

/// A name that no other case uses, since a server may be shared.
func freshService() -> String { "case-\(UUID().uuidString.prefix(8).lowercased())" }

/// Waits for a set that fulfils `condition`.
///
/// - Returns: The set; nil, and an issue, when none came in time or the stream ended.
@discardableResult
func expect(
  _ what: String, of registry: any Registry, _ service: String, within bound: Duration = .seconds(20),
  sourceLocation: SourceLocation = #_sourceLocation, _ condition: @escaping @Sendable ([ServiceInstance]) -> Bool
) async -> [ServiceInstance]? {
  let last = LastSet()
  let found = await withTaskGroup(of: [ServiceInstance]?.self) { group in
    group.addTask {
      for await set in registry.instances(of: service) {
        last.set(set)
        if condition(set) { return set }
      }
      return nil
    }
    group.addTask {
      try? await Task.sleep(for: bound)
      return nil
    }
    defer { group.cancelAll() }
    return await group.next() ?? nil
  }
  if found == nil {
    Issue.record("\(what): not within \(bound); last \(last.text)", sourceLocation: sourceLocation)
  }
  return found
}
