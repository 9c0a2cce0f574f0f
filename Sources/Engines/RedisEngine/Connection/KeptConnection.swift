import GravityData
import Logging
import NIOCore
import Synchronization

/// A connection to one node that is replaced when it breaks. Meanwhile commands wait for a grace, then fail at once.
final class KeptConnection: Sendable {
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

  /// `host:port`, as a cluster names its nodes.
  let name: String
  let host: String
  private let opening: RedisOpening
  private let configuration: RedisClient.Configuration
  private let metrics: RedisMetrics
  private let logger: Logger
  private let state = Mutex(State())

  init(_ opening: RedisOpening, _ configuration: RedisClient.Configuration, _ metrics: RedisMetrics, _ logger: Logger) {
    host = opening.address.host
    name = "\(host):\(opening.address.port)"
    self.opening = opening
    self.configuration = configuration
    self.metrics = metrics
    self.logger = logger
  }

  /// What is wrong; nil when commands can be sent.
  var trouble: String? {
    state.withLock { state in
      switch state.phase {
      case .connecting: state.hasRun ? (state.lastFailure?.description ?? "connecting") : "not running"
      case .up: nil
      case .away(let failure): failure.description
      case .over: "closed"
      }
    }
  }

  /// Whether a command fails at once.
  var isAway: Bool { state.withLock { if case .away = $0.phase { true } else { false } } }

  /// Ends the connection, for a reason that the commands on it are told; the next is made.
  func close(_ reason: RedisError) {
    let connection = state.withLock { try? $0.connection?.get() }
    connection?.close(reason)
  }

  // MARK: Commands

  /// Sends something, again over another connection when the first broke, if it cannot have been executed or may be
  /// executed twice.
  func send<Reply: Sendable>(
    isIdempotent: Bool, _ send: (RedisConnection, NIODeadline) async throws -> Reply
  ) async throws -> Reply {
    let connection = try await connection()
    let deadline = NIODeadline.now() + TimeAmount(configuration.commandTimeout)
    do {
      return try await send(connection, deadline)
    } catch let error as RedisError where error.mayBeRepeated(isIdempotent) {
      let other = try await self.connection()
      guard other !== connection else { throw error }
      return try await send(other, deadline)
    }
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

  /// Keeps the connection until the task is cancelled; then commands are refused, and those that are under way have
  /// until their time-out.
  func run() async {
    state.withLock { $0.hasRun = true }
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

extension RedisError {
  /// Whether a command that failed with this may go out again.
  func mayBeRepeated(_ isIdempotent: Bool) -> Bool { code == .unavailable && (isIdempotent || !mayHaveTakenEffect) }
}
