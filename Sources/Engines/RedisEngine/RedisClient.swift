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
/// Redis 6.2 or later, over RESP3: one node, what stands for one, or a cluster, of which the URL names any node. A
/// cluster's redirections (`MOVED`, `ASK`) are followed, each node has a connection of its own, and commands go to the
/// node of their first key; feeds stay with the node of the URL.
public final class RedisClient: Service {
  let configuration: Configuration
  let opening: RedisOpening
  let metrics: RedisMetrics
  let feeds: RedisFeeds
  let logger: Logger
  private let nodes: RedisNodes
  private let hasRun = Atomic(false)

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
    nodes = RedisNodes(opening, configuration, self.metrics, logger)
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
      let (reply, node) = try await answer(command, isIdempotent: isIdempotent)
      if case .error(let text) = reply.value { throw refused(text, operation, node) }
      operation.succeeded(since: start)
      return reply
    } catch {
      operation.failed(since: start)
      throw (error as? RedisError)?.naming(operation.name) ?? error
    }
  }

  /// Sends commands together. Without a cluster none of another caller's comes in between.
  /// - Returns: What came of each.
  package func send(
    _ operation: RedisOperation, all commands: [[RESPArgument]], isIdempotent: Bool = false
  ) async throws -> [Result<RedisReply, RedisError>] {
    let start = NIODeadline.now()
    do {
      let replies = try await answers(commands, isIdempotent: isIdempotent)
      operation.succeeded(since: start)
      return replies.map { result in
        result.flatMap { reply in
          if case .error(let text) = reply.value {
            return .failure(refused(text, operation, nodes.first))
          }
          return .success(reply)
        }.mapError { $0.naming(operation.name) }
      }
    } catch {
      operation.failed(since: start)
      throw (error as? RedisError)?.naming(operation.name) ?? error
    }
  }

  /// Whether commands have been sent to more than one node.
  package var isCluster: Bool { nodes.isCluster }

  private func refused(_ text: String, _ operation: RedisOperation, _ node: KeptConnection) -> RedisError {
    // After a failover the old primary is a replica; its name may mean another node by now.
    if text.hasPrefix("READONLY") { node.close(RedisError(.unavailable, "the server has become a replica")) }
    return RedisError(reply: text, command: operation.name)
  }

  // MARK: Redirections

  /// How often a command is sent on; nodes that send it round have not agreed yet.
  private static let greatestRedirections = 5

  /// The reply of whoever has the command's key, and who that was.
  private func answer(
    _ command: [RESPArgument], isIdempotent: Bool
  ) async throws -> (reply: RedisReply, node: KeptConnection) {
    let node = nodes.node(for: command)
    do {
      let reply = try await node.send(isIdempotent: isIdempotent) { connection, deadline in
        try await connection.send(command, deadline: deadline)
      }
      guard case .error(let text) = reply.value, let redirection = Redirection(text) else { return (reply, node) }
      return try await follow(redirection, from: node, command, isIdempotent: isIdempotent)
    } catch let error as RedisError where nodes.isCluster && error.mayBeRepeated(isIdempotent) {
      nodes.forget(node)
      let other = nodes.node(for: command)
      guard other !== node else { throw error }
      let reply = try await other.send(isIdempotent: isIdempotent) { connection, deadline in
        try await connection.send(command, deadline: deadline)
      }
      guard case .error(let text) = reply.value, let redirection = Redirection(text) else { return (reply, other) }
      return try await follow(redirection, from: other, command, isIdempotent: isIdempotent)
    }
  }

  private func follow(
    _ first: Redirection, from sender: KeptConnection, _ command: [RESPArgument], isIdempotent: Bool
  ) async throws -> (reply: RedisReply, node: KeptConnection) {
    var (redirection, node) = (first, sender)
    for _ in 0..<Self.greatestRedirections {
      let reply: RedisReply
      switch redirection {
      case .moved(let slot, let name):
        node = try nodes.moved(slot, to: name, from: node)
        reply = try await node.send(isIdempotent: isIdempotent) { try await $0.send(command, deadline: $1) }
      case .ask(let name):
        node = try nodes.node(name, from: node)
        reply = try await node.send(isIdempotent: isIdempotent) { connection, deadline in
          try await connection.send([["ASKING"], command], deadline: deadline)
        }[1].get()
      case .tryAgain:
        try await Task.sleep(for: Self.agreement)
        reply = try await node.send(isIdempotent: isIdempotent) { try await $0.send(command, deadline: $1) }
      }
      guard case .error(let text) = reply.value, let next = Redirection(text) else { return (reply, node) }
      redirection = next
    }
    throw RedisError(.unavailable, "the cluster's nodes send a command to one another")
  }

  /// How long keys of a slot that is being moved may be apart: so much at a time.
  private static let agreement = Duration.milliseconds(20)

  /// Each by its node; those that are sent on one by one, since that is over as soon as everybody knows.
  private func answers(
    _ commands: [[RESPArgument]], isIdempotent: Bool
  ) async throws -> [Result<RedisReply, RedisError>] {
    guard nodes.isCluster else {
      let replies = try await nodes.first.send(isIdempotent: isIdempotent) { connection, deadline in
        try await connection.send(commands, deadline: deadline)
      }
      return try await followed(replies, commands, isIdempotent: isIdempotent) { _ in nodes.first }
    }
    let places = commands.map { nodes.node(for: $0) }
    let groups = Dictionary(grouping: commands.indices) { ObjectIdentifier(places[$0]) }
    var results = commands.map { _ in Result<RedisReply, RedisError>.failure(RedisError(.unavailable, "not sent")) }
    await withTaskGroup(of: [(Int, Result<RedisReply, RedisError>)].self) { tasks in
      for indices in groups.values {
        tasks.addTask {
          do {
            let replies = try await places[indices[0]].send(isIdempotent: isIdempotent) { connection, deadline in
              try await connection.send(indices.map { commands[$0] }, deadline: deadline)
            }
            return Array(zip(indices, replies))
          } catch {
            if (error as? RedisError)?.code == .unavailable { self.nodes.forget(places[indices[0]]) }
            let failure = error as? RedisError ?? RedisError(.closed, "canceled")
            return indices.map { ($0, .failure(failure)) }
          }
        }
      }
      for await part in tasks { for (index, result) in part { results[index] = result } }
    }
    try Task.checkCancellation()
    return try await followed(results, commands, isIdempotent: isIdempotent) { places[$0] }
  }

  private func followed(
    _ replies: [Result<RedisReply, RedisError>], _ commands: [[RESPArgument]], isIdempotent: Bool,
    from sender: (Int) -> KeptConnection
  ) async throws -> [Result<RedisReply, RedisError>] {
    var results = replies
    for (index, result) in replies.enumerated() {
      guard case .success(let reply) = result, case .error(let text) = reply.value,
        let redirection = Redirection(text)
      else { continue }
      do {
        results[index] = .success(
          try await follow(redirection, from: sender(index), commands[index], isIdempotent: isIdempotent).reply)
      } catch let error as RedisError {
        results[index] = .failure(error)
      }
    }
    return results
  }

  // MARK: Running

  /// What is wrong, for health checks; nil when commands can be sent.
  public var trouble: String? { nodes.first.trouble ?? feeds.trouble }

  /// Keeps the connections until the task is cancelled or the service shuts down; then commands are refused, and those
  /// that are under way have until their time-out. May run once.
  public func run() async throws {
    guard !hasRun.exchange(true, ordering: .relaxed) else { throw RedisError(.closed, "a Redis client runs once") }
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.nodes.run() }
        group.addTask { await self.feeds.run() }
      }
    }
  }
}
