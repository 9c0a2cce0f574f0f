public import GravityData

/// An engine as the suite sees it: a way to get an empty database, and to open it again.
public struct EngineUnderTest: Sendable {
  /// What a case wants to be small enough to run into.
  public struct Bounds: Sendable {
    /// How many transactions may write at once, where the engine lets several.
    public var connections: Int
    public var maximumWaiting: Int
    public var waitTimeout: Duration
    public var statementTimeout: Duration

    public init(
      connections: Int = 10, maximumWaiting: Int = 1_000, waitTimeout: Duration = .seconds(30),
      statementTimeout: Duration = .seconds(30)
    ) {
      self.connections = connections
      self.maximumWaiting = maximumWaiting
      self.waitTimeout = waitTimeout
      self.statementTimeout = statementTimeout
    }
  }

  /// A place where databases are opened: a file, or a database of a server.
  public struct Place: Sendable {
    /// What ``open`` takes, and `databasecrash` as its argument.
    public var url: String
    public var remove: @Sendable () async -> Void

    public init(url: String, remove: @escaping @Sendable () async -> Void) {
      self.url = url
      self.remove = remove
    }
  }

  /// Makes an empty place that no other case knows.
  public var makePlace: @Sendable () async throws -> Place
  public var open: @Sendable (_ url: String, Bounds) throws -> any Database
  /// Whether a feed of notifications begins with an empty payload, once the server listens.
  public var announcesFeeds: Bool

  public init(
    announcesFeeds: Bool, makePlace: @escaping @Sendable () async throws -> Place,
    open: @escaping @Sendable (_ url: String, Bounds) throws -> any Database
  ) {
    self.announcesFeeds = announcesFeeds
    self.makePlace = makePlace
    self.open = open
  }
}

extension EngineUnderTest {
  /// Opens an empty database, which is gone afterwards.
  public func withDatabase(
    _ bounds: Bounds = Bounds(), _ body: (any Database) async throws -> Void
  ) async throws {
    try await withPlace { place in try await withDatabase(at: place, bounds, body) }
  }

  public func withDatabase(
    at place: Place, _ bounds: Bounds = Bounds(), _ body: (any Database) async throws -> Void
  ) async throws {
    let database = try open(place.url, bounds)
    do {
      try await body(database)
      await database.close()
    } catch {
      await database.close()
      throw error
    }
  }

  public func withPlace(_ body: (Place) async throws -> Void) async throws {
    let place = try await makePlace()
    do {
      try await body(place)
      await place.remove()
    } catch {
      await place.remove()
      throw error
    }
  }
}
