public import GravityEvents

/// An engine as the suite sees it: a way to get an empty place for messages, and to open brokers over it.
public struct EngineUnderTest: Sendable {
  /// Where messages live: a database, or a part of a server.
  public struct Place: Sendable {
    /// Makes a broker over it; it does not run yet. Two of them are two instances of one platform.
    public var open: @Sendable () throws -> any EventBroker
    public var remove: @Sendable () async -> Void

    public init(
      open: @escaping @Sendable () throws -> any EventBroker, remove: @escaping @Sendable () async -> Void
    ) {
      self.open = open
      self.remove = remove
    }
  }

  /// Makes an empty place. Cases use names of their own, so several of them may share what cannot be made anew.
  public var makePlace: @Sendable () async throws -> Place

  public init(makePlace: @escaping @Sendable () async throws -> Place) { self.makePlace = makePlace }

  /// With as many instances as wanted, running; they are ended afterwards, those that have not been already.
  func with(_ count: Int, _ body: @Sendable ([Instance], Place) async throws -> Void) async throws {
    let place = try await makePlace()
    var instances: [Instance] = []
    do {
      for _ in 0..<count { instances.append(Instance(try place.open())) }
      for instance in instances { try await instance.isReady() }
      try await body(instances, place)
    } catch {
      for instance in instances { await instance.end() }
      await place.remove()
      throw error
    }
    for instance in instances { await instance.end() }
    await place.remove()
  }

  func with(_ body: @Sendable (any EventBroker) async throws -> Void) async throws {
    try await with(1) { instances, _ in try await body(instances[0].broker) }
  }
}
