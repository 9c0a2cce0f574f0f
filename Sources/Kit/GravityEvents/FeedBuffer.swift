import Synchronization

/// Between the consuming thread and the reader of a feed. When the reader is slow, the oldest go, and a
/// ``EventFeedItem/began`` stands where they were.
package final class FeedBuffer: Sendable {
  package static let limit = 4_096

  private struct State {
    var items = FIFO<EventFeedItem>()
    var hasGap = false
    var waiter: CheckedContinuation<EventFeedItem?, Never>?
    var isOver = false
  }
  package let patterns: [String]
  private let state = Mutex(State())

  package init(_ patterns: [String]) { self.patterns = patterns }

  /// - Returns: whether it has made a gap.
  @discardableResult
  package func append(_ item: EventFeedItem) -> Bool {
    let (waiter, hasGap) = state.withLock { state in
      guard !state.isOver else { return (nil, false) as (CheckedContinuation<EventFeedItem?, Never>?, Bool) }
      if let waiter = state.waiter {
        state.waiter = nil
        return (waiter, false)
      }
      state.items.append(item)
      guard state.items.count > Self.limit else { return (nil, false) }
      _ = state.items.popFirst()
      defer { state.hasGap = true }
      return (nil, !state.hasGap)
    }
    waiter?.resume(returning: item)
    return hasGap
  }

  package func next() async -> EventFeedItem? {
    await withCheckedContinuation { continuation in
      let item: EventFeedItem?? = state.withLock { state in
        if state.isOver { return .some(nil) }
        if state.hasGap {
          state.hasGap = false
          return .began
        }
        if let item = state.items.popFirst() { return item }
        state.waiter = continuation
        return nil
      }
      if let item { continuation.resume(returning: item) }
    }
  }

  package func end() {
    let waiter = state.withLock { state in
      state.isOver = true
      state.items.removeAll()
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }
}

/// Ends the feed when the stream that holds this is let go.
package final class FeedReader: Sendable {
  private let feed: FeedBuffer
  private let onEnd: @Sendable () -> Void

  package init(_ feed: FeedBuffer, onEnd: @escaping @Sendable () -> Void) {
    self.feed = feed
    self.onEnd = onEnd
  }

  deinit { end() }

  package func next() async -> EventFeedItem? { await feed.next() }

  package func end() {
    feed.end()
    onEnd()
  }
}
