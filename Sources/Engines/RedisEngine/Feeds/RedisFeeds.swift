import CoreMetrics
import Logging
import NIOCore
import Synchronization

/// All feeds of a client, over one connection that is there while there are feeds.
final class RedisFeeds: Sendable {
  private struct State {
    var feeds: [ObjectIdentifier: RedisFeed] = [:]
    var connection: RedisConnection?
    /// Channels that were asked for on this connection, and those that the server has confirmed.
    var asked: Set<String> = []
    var confirmed: Set<String> = []
    var failure: RedisError?
    var isOver = false
  }

  private let opening: RedisOpening
  private let logger: Logger
  private let metrics: RedisMetrics
  private let state = Mutex(State())
  /// Says that there may be a feed by now.
  private let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  init(opening: RedisOpening, logger: Logger, metrics: RedisMetrics) {
    self.opening = opening
    self.logger = logger
    self.metrics = metrics
  }

  /// What is wrong with feeds that somebody reads.
  var trouble: String? {
    state.withLock { state in
      guard !state.feeds.isEmpty, state.connection == nil else { return nil }
      return state.failure?.description ?? "not subscribed yet"
    }
  }

  // MARK: Readers

  func feed(of channels: Set<String>) -> AsyncStream<RedisFeedItem> {
    let feed = RedisFeed(channels)
    let reader = RedisFeedReader(feed) { [weak self] in self?.remove(feed) }
    let isOver = state.withLock { state in
      if !state.isOver { state.feeds[ObjectIdentifier(feed)] = feed }
      return state.isOver
    }
    if isOver { feed.end() } else { subscribe() }
    wake.yield()
    return AsyncStream {
      await reader.next()
    } onCancel: {
      reader.end()
    }
  }

  private func remove(_ feed: RedisFeed) {
    let unused = state.withLock { state -> (RedisConnection, [String])? in
      guard state.feeds.removeValue(forKey: ObjectIdentifier(feed)) != nil, let connection = state.connection else {
        return nil
      }
      let used = state.feeds.values.reduce(into: Set<String>()) { $0.formUnion($1.channels) }
      let unused = state.asked.subtracting(used)
      state.asked.subtract(unused)
      state.confirmed.subtract(unused)
      return unused.isEmpty ? nil : (connection, unused.sorted())
    }
    guard let (connection, channels) = unused else { return }
    // A connection that has ended has forgotten them by itself.
    try? connection.post(["UNSUBSCRIBE"] + channels.map { .text($0) })
  }

  /// Asks for channels that nobody has asked for yet, and begins feeds whose channels are all there.
  private func subscribe() {
    state.withLock { state in
      guard let connection = state.connection else { return }
      let wanted = state.feeds.values.reduce(into: Set<String>()) { $0.formUnion($1.channels) }
      let new = wanted.subtracting(state.asked)
      if !new.isEmpty {
        state.asked.formUnion(new)
        // Under the lock, so that it comes before an UNSUBSCRIBE that takes it back.
        try? connection.post(["SUBSCRIBE"] + new.sorted().map { .text($0) })
      }
      for feed in state.feeds.values where !feed.isLive && feed.channels.isSubset(of: state.confirmed) {
        feed.append(.began)
      }
    }
  }

  // MARK: Running

  func run() async {
    var reconnection = Reconnection("Redis for feeds", logger)
    for await _ in wakes {
      while !Task.isCancelled, state.withLock({ !$0.feeds.isEmpty }) {
        let failure = await serve(&reconnection)
        interrupt(failure)
        guard !Task.isCancelled else { break }
        try? await Task.sleep(for: reconnection.ended(failure))
      }
      if Task.isCancelled { break }
    }
    let feeds = state.withLock { state in
      defer { state.feeds = [:] }
      state.isOver = true
      return Array(state.feeds.values)
    }
    for feed in feeds { feed.end() }
  }

  private func serve(_ reconnection: inout Reconnection) async -> RedisError {
    do {
      let connection = try await opening.open { [weak self] push in
        self?.take(push)
      } onEnd: { [weak self] reason in
        self?.interrupt(reason)
      }
      reconnection.connected()
      state.withLock { state in
        guard connection.end == nil else { return }
        (state.connection, state.asked, state.confirmed) = (connection, [], [])
      }
      subscribe()
      return await connection.ended()
    } catch {
      return error as? RedisError ?? RedisError(.unavailable, "\(error)")
    }
  }

  private func interrupt(_ reason: RedisError) {
    state.withLock { state in
      (state.connection, state.asked, state.confirmed, state.failure) = (nil, [], [], reason)
      for feed in state.feeds.values where feed.isLive {
        feed.append(.interrupted)
        metrics.missed.increment()
      }
    }
  }

  private func take(_ push: [RESPValue]) {
    guard push.count >= 3, let kind = push[0].text, let channel = push[1].text else { return }
    switch kind {
    case "message":
      guard let bytes = push[2].bytes else { return }
      let item = RedisFeedItem.message(channel: channel, bytes)
      state.withLock { state in
        for feed in state.feeds.values where feed.channels.contains(channel) {
          if feed.append(item) { metrics.missed.increment() }
        }
      }
    case "subscribe":
      state.withLock { state in
        // One that was given up since is not wanted any more.
        if state.asked.contains(channel) { state.confirmed.insert(channel) }
      }
      subscribe()
    default: break
    }
  }
}

extension RedisClient {
  /// What is published on the channels from now on, to this reader for itself.
  ///
  /// A slow reader misses what it has not read when that is over 4 096 messages, and is told so by another
  /// ``RedisFeedItem/began``. Ends when its reader goes away, or with ``run()``.
  package func feed(of channels: Set<String>) -> AsyncStream<RedisFeedItem> { feeds.feed(of: channels) }
}
