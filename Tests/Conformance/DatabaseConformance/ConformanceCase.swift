public import Testing

/// One thing that every engine must do.
public struct ConformanceCase: Sendable, CustomTestStringConvertible {
  public let name: String
  private let body: @Sendable (EngineUnderTest) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (EngineUnderTest) async throws -> Void) {
    self.name = name
    self.body = body
  }

  public var testDescription: String { name }

  public func run(on engine: EngineUnderTest) async throws { try await body(engine) }

  /// All of them. An engine's tests run each as a case of one parameterised test.
  public static let all =
    values + statements + isolation + order + bounds + locksAndNotifications + idempotency + migrations
}
