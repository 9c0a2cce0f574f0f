import GravityEvents
import Synchronization

/// One instance's share of a queue: what has come and was not yet asked for. Never more than the prefetch, since the
/// broker sends no more.
final class QueueShare: Sendable {
  fileprivate struct State {
    var ready = FIFO<EventDelivery>()
    var waiter: (count: Int, continuation: CheckedContinuation<[EventDelivery], any Error>)?
    var end: BrokerError?
  }
  let queue: EventQueue
  let prefetch: Int
  private let state = Mutex(State())

  init(_ queue: EventQueue, prefetch: Int) {
    self.queue = queue
    self.prefetch = prefetch
  }

  func next(atMost count: Int) async throws -> [EventDelivery] {
    try Task.checkCancellation()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<[EventDelivery], any Error>? = state.withLock { state in
          if let end = state.end { return .failure(end) }
          if Task.isCancelled { return .failure(CancellationError()) }
          let deliveries = state.ready.take(atMost: max(1, count))
          if !deliveries.isEmpty { return .success(deliveries) }
          precondition(state.waiter == nil, "next(atMost:) is called by one task at a time")
          state.waiter = (max(1, count), continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.takeWaiter() }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }

  func deliver(_ deliveries: [EventDelivery]) {
    let (waiter, first) = state.withLock { state in
      guard state.end == nil else { return (nil, []) as (State.Waiter?, [EventDelivery]) }
      for delivery in deliveries { state.ready.append(delivery) }
      guard let waiter = state.takeWaiter() else { return (nil, []) }
      return (waiter, state.ready.take(atMost: waiter.count))
    }
    waiter?.continuation.resume(returning: first)
  }

  /// The channel is gone: what was not asked for comes again.
  func interrupted() { state.withLock { $0.ready.removeAll() } }

  func end(_ error: BrokerError) {
    let waiter = state.withLock { state in
      if state.end == nil { state.end = error }
      state.ready.removeAll()
      return state.takeWaiter()
    }
    waiter?.continuation.resume(throwing: error)
  }
}

extension QueueShare.State {
  fileprivate typealias Waiter = (count: Int, continuation: CheckedContinuation<[EventDelivery], any Error>)

  fileprivate mutating func takeWaiter() -> Waiter? {
    defer { waiter = nil }
    return waiter
  }
}

/// What a caller holds. It stops fetching also when the caller just lets it go.
final class RabbitMQSubscription: EventSubscription {
  private let share: QueueShare
  private let subscriptions: Subscriptions
  private let watchdog: Watchdog

  init(_ share: QueueShare, _ subscriptions: Subscriptions, _ watchdog: Watchdog) {
    self.share = share
    self.subscriptions = subscriptions
    self.watchdog = watchdog
  }

  deinit { subscriptions.abandon(share) }

  func next(atMost count: Int) async throws -> [EventDelivery] { try await share.next(atMost: count) }

  func acknowledge(_ deliveries: [EventDelivery]) async {
    subscriptions.settle(share, deliveries.map(\.tag), .acknowledge)
  }

  func giveBack(_ deliveries: [EventDelivery]) async {
    subscriptions.settle(share, deliveries.map(\.tag), .giveBack)
  }

  func close() async {
    share.end(.closed)
    await subscriptions.close(share, watchdog)
  }
}
