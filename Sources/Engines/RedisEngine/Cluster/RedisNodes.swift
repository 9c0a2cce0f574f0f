import GravityData
import Logging
import NIOCore
import Synchronization

/// The node that the URL names, and, where that is one of a cluster, those that it sends commands to.
///
/// Which node has a slot is learned from the redirections alone: whoever was sent away goes straight to the right node
/// the next time. A server that is no cluster never sends anybody away, and nothing is reckoned for it.
final class RedisNodes: Sendable {
  /// Nodes of a cluster that are known at most; a redirection to one more is refused.
  static let greatestCount = 256

  private struct State {
    /// By name, without the first.
    var others: [String: KeptConnection] = [:]
    var slots: [Int: KeptConnection] = [:]
  }

  let first: KeptConnection
  private let opening: RedisOpening
  private let configuration: RedisClient.Configuration
  private let metrics: RedisMetrics
  private let logger: Logger
  private let isRedirecting = Atomic(false)
  private let state = Mutex(State())
  private let (found, find) = AsyncStream.makeStream(of: KeptConnection.self)

  init(_ opening: RedisOpening, _ configuration: RedisClient.Configuration, _ metrics: RedisMetrics, _ logger: Logger) {
    self.opening = opening
    self.configuration = configuration
    self.metrics = metrics
    self.logger = logger
    first = KeptConnection(opening, configuration, metrics, logger)
  }

  /// Whether anything was ever sent to another node.
  var isCluster: Bool { isRedirecting.load(ordering: .relaxed) }

  /// Whom to ask first: who has the key's slot as far as is known, or any that is there and will know.
  func node(for command: [RESPArgument]) -> KeptConnection {
    guard isCluster else { return first }
    let slot = KeySlot.of(command)
    return state.withLock { state in
      if let slot, let known = state.slots[slot], !known.isAway { return known }
      return first.isAway ? state.others.values.first { !$0.isAway } ?? first : first
    }
  }

  /// What is known of the node no longer holds: commands go to any that is there, which says who has taken over.
  func forget(_ node: KeptConnection) {
    state.withLock { state in state.slots = state.slots.filter { $0.value !== node } }
  }

  /// - Throws: ``RedisError`` with `busy` for one node too many.
  func moved(_ slot: Int, to name: RedisNodeName, from sender: KeptConnection) throws(RedisError) -> KeptConnection {
    let node = try node(name, from: sender)
    state.withLock { $0.slots[slot] = node }
    return node
  }

  func node(_ name: RedisNodeName, from sender: KeptConnection) throws(RedisError) -> KeptConnection {
    var opening = opening
    opening.address.host = name.host.isEmpty ? sender.host : name.host
    opening.address.port = name.port
    let key = "\(opening.address.host):\(opening.address.port)"
    if key == first.name { return first }
    var logger = logger
    logger[metadataKey: "redis"] = "\(key)"
    let made = KeptConnection(opening, configuration, metrics, logger)
    let (node, isNew) = try state.withLock { state throws(RedisError) in
      if let known = state.others[key] { return (known, false) }
      guard state.others.count < Self.greatestCount - 1 else {
        throw RedisError(.busy, "the cluster has more than \(Self.greatestCount) nodes")
      }
      state.others[key] = made
      return (made, true)
    }
    if isNew {
      isRedirecting.store(true, ordering: .relaxed)
      find.yield(node)
    }
    return node
  }

  /// Keeps the connections until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [first] in await first.run() }
      for await node in found { group.addTask { await node.run() } }
    }
  }
}
