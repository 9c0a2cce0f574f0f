public import CoreMetrics
import GravityData
public import Logging
public import NIOCore
public import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A Redis server, over one connection that all callers share; feeds have another.
///
/// Callers' commands go out together and are answered in order, so many callers cost few system calls. A connection
/// that breaks, or whose server stops answering, is replaced; meanwhile commands fail at once. A command is sent again
/// only if it cannot have been executed, or may be executed twice.
///
/// Redis 6.2 or later, over RESP3. One node, or what stands for one: redirections of a cluster are not followed.
public final class RedisClient: Service {
  private enum Phase {
    /// A connection is being made, or will be once ``run()`` is called.
    case connecting
    case up(RedisConnection)
    case away(RedisError)
    case over
  }
  private struct State {
    var phase = Phase.connecting
    var waiters: [Waiter<RedisConnection>] = []
    var hasRun = false
    var lastFailure: RedisError?

    /// What a command can be told now; nil when it has to wait.
    var connection: Result<RedisConnection, RedisError>? {
      switch phase {
      case .connecting: nil
      case .up(let connection): .success(connection)
      case .away(let failure): .failure(failure)
      case .over: .failure(RedisError(.closed, "the Redis client is closed"))
      }
    }

    mutating func takeWaiters() -> [Waiter<RedisConnection>] {
      defer { waiters = [] }
      return waiters
    }
  }

  let configuration: Configuration
  let opening: RedisOpening
  let metrics: RedisMetrics
  let feeds: RedisFeeds
  let logger: Logger
  private let state = Mutex(State())

  /// Does not connect: ``run()`` does.
  ///
  /// - Parameters:
  ///   - url: `redis://[user[:password]@]host[:port][/database]`, or `rediss:` for TLS with verification of the
  ///     server's certificate and name. Parameter: `cacert`, a file of authorities in PEM instead of the system's.
  ///   - group: Whose event loops the connections are on.
  ///   - metrics: Where metrics go; the process's own factory when nil.
  /// - Throws: ``RedisError`` with `invalid`; the text never holds the password.
  public init(
    url: String, configuration: Configuration = .init(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    logger: Logger = Logger(label: "gravity.redis"), metrics: (any MetricsFactory)? = nil
  ) throws(RedisError) {
    try configuration.validate()
    let address = try RedisAddress(url)
    self.configuration = configuration
    var logger = logger
    logger[metadataKey: "redis"] = "\(address.host):\(address.port)/\(address.database)"
    self.logger = logger
    self.metrics = RedisMetrics(database: address.database, factory: metrics)
    var settings = RedisConnection.Settings(
      limits: .init(commands: configuration.maximumCommands, bytes: configuration.maximumBytes),
      pingInterval: configuration.pingInterval, commandTimeout: configuration.commandTimeout)
    settings.decoding.reply = configuration.maximumReplyBytes
    opening = RedisOpening(
      address: address, settings: settings, connectTimeout: configuration.connectTimeout,
      clientName: configuration.clientName, group: group)
    feeds = RedisFeeds(opening: opening, logger: logger, metrics: self.metrics)
  }

  // MARK: Commands

  /// Sends a command and waits for its reply.
  ///
  /// - Parameter isIdempotent: It may be executed twice; so it is sent again when the connection broke under it.
  /// - Throws: ``RedisError``, also for an error that the server sent; `CancellationError`. In time: within the grace
  ///   and the command's time-out.
  package func send(
    _ operation: RedisOperation, _ command: [RESPArgument], isIdempotent: Bool = false
  ) async throws -> RedisReply {
    let start = NIODeadline.now()
    do {
      let reply = try await sent(isIdempotent: isIdempotent) { connection, deadline in
        try await connection.send(command, deadline: deadline)
      }
      if case .error(let text) = reply.value { throw refused(text, operation) }
      operation.succeeded(since: start)
      return reply
    } catch {
      operation.failed(since: start)
      throw (error as? RedisError)?.naming(operation.name) ?? error
    }
  }

  /// Sends commands together; none of another caller's comes in between.
  /// - Returns: What came of each.
  package func send(
    _ operation: RedisOperation, all commands: [[RESPArgument]], isIdempotent: Bool = false
  ) async throws -> [Result<RedisReply, RedisError>] {
    let start = NIODeadline.now()
    do {
      let replies = try await sent(isIdempotent: isIdempotent) { connection, deadline in
        try await connection.send(commands, deadline: deadline)
      }
      operation.succeeded(since: start)
      return replies.map { result in
        result.flatMap { reply in
          if case .error(let text) = reply.value {
            return .failure(refused(text, operation))
          }
          return .success(reply)
        }.mapError { $0.naming(operation.name) }
      }
    } catch {
      operation.failed(since: start)
      throw (error as? RedisError)?.naming(operation.name) ?? error
    }
  }

  private func sent<Reply: Sendable>(
    isIdempotent: Bool, _ send: (RedisConnection, NIODeadline) async throws -> Reply
  ) async throws -> Reply {
    let connection = try await connection()
    let deadline = NIODeadline.now() + TimeAmount(configuration.commandTimeout)
    do {
      return try await send(connection, deadline)
    } catch let error as RedisError where error.code == .unavailable && (isIdempotent || !error.mayHaveTakenEffect) {
      let other = try await self.connection()
      guard other !== connection else { throw error }
      return try await send(other, deadline)
    }
  }

  private func refused(_ text: String, _ operation: RedisOperation) -> RedisError {
    // After a failover the old primary is a replica; its name may mean another node by now.
    if text.hasPrefix("READONLY") {
      let connection = state.withLock { try? $0.connection?.get() }
      connection?.close(RedisError(.unavailable, "the server has become a replica"))
    }
    return RedisError(reply: text, command: operation.name)
  }

  // MARK: The connection

  /// What is wrong, for health checks; nil when commands can be sent.
  public var trouble: String? {
    state.withLock { state in
      switch state.phase {
      case .connecting: state.hasRun ? (state.lastFailure?.description ?? "connecting") : "not running"
      case .up: nil
      case .away(let failure): failure.description
      case .over: "closed"
      }
    } ?? feeds.trouble
  }

  private func connection() async throws -> RedisConnection {
    let found: Result<RedisConnection, RedisError>? = state.withLock { $0.connection }
    if let found { return try found.get() }
    try Task.checkCancellation()
    let waiter = Waiter<RedisConnection>()
    return try await waiter.value {
      let (found, isFirst) = state.withLock { state -> (Result<RedisConnection, RedisError>?, Bool) in
        if let found = state.connection { return (found, false) }
        guard state.waiters.count < configuration.maximumCommands else {
          return (.failure(RedisError(.busy, "too many commands wait for a connection to Redis")), false)
        }
        state.waiters.append(waiter)
        return (nil, state.waiters.count == 1)
      }
      if let found { waiter.finish(found.mapError { $0 }) }
      if isFirst {
        opening.group.next().scheduleTask(in: TimeAmount(configuration.connectGrace)) { self.endGrace() }
      }
    }
  }

  /// Those who wait have waited long enough.
  private func endGrace() {
    let waiters = state.withLock { state in
      guard case .connecting = state.phase else { return [Waiter<RedisConnection>]() }
      return state.takeWaiters()
    }
    for waiter in waiters { waiter.finish(.failure(RedisError(.unavailable, "no connection yet"))) }
  }

  private func enter(_ phase: Phase) {
    let (waiters, result) = state.withLock {
      state -> ([Waiter<RedisConnection>], Result<RedisConnection, RedisError>?) in
      if case .over = state.phase { return ([], nil) }
      state.phase = phase
      if case .away(let failure) = phase { state.lastFailure = failure }
      guard let result = state.connection else { return ([], nil) }
      return (state.takeWaiters(), result)
    }
    guard let result else { return }
    for waiter in waiters { waiter.finish(result.mapError { $0 }) }
  }

  // MARK: Running

  /// Keeps the connections until the task is cancelled or the service shuts down; then commands are refused, and those
  /// that are under way have until their time-out. May run once.
  public func run() async throws {
    let isFirst = state.withLock { state in
      defer { state.hasRun = true }
      return !state.hasRun
    }
    guard isFirst else { throw RedisError(.closed, "a Redis client runs once") }
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.keepConnected() }
        group.addTask { await self.feeds.run() }
      }
    }
  }

  private func keepConnected() async {
    var reconnection = Reconnection("Redis", logger)
    while !Task.isCancelled {
      var failure: RedisError
      do {
        let connection = try await opening.open { [weak self] reason in self?.lost(reason) }
        reconnection.connected()
        metrics.connected(true)
        enter(.up(connection))
        failure = await withTaskCancellationHandler {
          await connection.ended()
        } onCancel: {
          enter(.over)
        }
        metrics.connected(false)
      } catch {
        failure = error as? RedisError ?? RedisError(.unavailable, "\(error)")
      }
      guard !Task.isCancelled else { break }
      let pause = reconnection.ended(failure)
      // Without a pause the next connection may be there in a moment.
      enter(pause > .zero ? .away(failure) : .connecting)
      try? await Task.sleep(for: pause)
    }
    enter(.over)
  }

  /// The connection has broken: commands wait for the next, for the grace.
  private func lost(_ reason: RedisError) {
    state.withLock { state in
      guard case .up = state.phase else { return }
      (state.phase, state.lastFailure) = (.connecting, reason)
    }
  }
}
