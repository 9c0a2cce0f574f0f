import Synchronization

/// One reader's share of what is published. When the reader is slow, what it has not read goes, and a
/// ``RedisFeedItem/began`` stands in its place.
final class RedisFeed: Sendable {
  static let limit = 4_096

  private struct State {
    /// The oldest are at `start`.
    var items: [RedisFeedItem] = []
    var start = 0
    var isLive = false
    var waiter: CheckedContinuation<RedisFeedItem?, Never>?
    var isOver = false
  }
  let channels: Set<String>
  private let state = Mutex(State())

  init(_ channels: Set<String>) { self.channels = channels }

  /// - Returns: whether something was lost by it.
  @discardableResult
  func append(_ item: RedisFeedItem) -> Bool {
    let (waiter, isGap) = state.withLock { state -> (CheckedContinuation<RedisFeedItem?, Never>?, Bool) in
      switch item {
      // A reader that has not heard of a beginning need not hear of the end.
      case .interrupted where !state.isLive: return (nil, false)
      case .message where !state.isLive: return (nil, false)
      case .interrupted: state.isLive = false
      case .began: state.isLive = true
      case .message: break
      }
      guard !state.isOver else { return (nil, false) }
      if let waiter = state.waiter {
        state.waiter = nil
        return (waiter, false)
      }
      guard state.items.count - state.start < Self.limit else {
        state.items = state.isLive ? [.began] : [.interrupted]
        state.start = 0
        return (nil, true)
      }
      state.items.append(item)
      return (nil, false)
    }
    waiter?.resume(returning: item)
    return isGap
  }

  var isLive: Bool { state.withLock { $0.isLive } }

  func next() async -> RedisFeedItem? {
    await withCheckedContinuation { continuation in
      let item: RedisFeedItem?? = state.withLock { state in
        if state.isOver { return .some(nil) }
        guard state.start < state.items.count else {
          state.waiter = continuation
          return nil
        }
        defer {
          state.start += 1
          if state.start == state.items.count { (state.items, state.start) = ([], 0) }
        }
        return state.items[state.start]
      }
      if let item { continuation.resume(returning: item) }
    }
  }

  func end() {
    let waiter = state.withLock { state in
      (state.isOver, state.items, state.start) = (true, [], 0)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }
}

/// Ends the feed when the stream that holds this is let go.
final class RedisFeedReader: Sendable {
  private let feed: RedisFeed
  private let onEnd: @Sendable () -> Void

  init(_ feed: RedisFeed, onEnd: @escaping @Sendable () -> Void) {
    self.feed = feed
    self.onEnd = onEnd
  }

  deinit { end() }

  func next() async -> RedisFeedItem? { await feed.next() }

  func end() {
    feed.end()
    onEnd()
  }
}
