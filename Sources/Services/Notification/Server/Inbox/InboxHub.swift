import Foundation
import GravityContracts
import GravityData
import ServiceLifecycle
import Synchronization

/// The streams of inboxes that are open here, and what wakes them: the database tells each instance whose inbox has
/// changed. It is only a hint to look; the table is the truth.
final class InboxHub: Service {
  private struct State {
    var streams: [UUID: [UInt64: Signal]] = [:]
    var count = 0
    var serial: UInt64 = 0
  }
  private let state = Mutex(State())
  private let database: any Database
  private let greatestOfUser: Int
  private let greatest: Int

  init(_ core: NotificationCore) {
    database = core.database
    greatestOfUser = core.configuration.streamsOfUser
    greatest = core.configuration.streams
  }

  var count: Int { state.withLock { $0.count } }

  /// - Throws: `Problem` 429 when this user has as many as one may have, 503 when all together have.
  func enter(_ user: UUID) throws -> (serial: UInt64, changed: Signal) {
    try state.withLock { state in
      guard state.streams[user]?.count ?? 0 < greatestOfUser else {
        throw Problem(
          429, "too_many_streams", "You have \(greatestOfUser) streams open here already",
          detail: "Close one first.", retryAfter: 10)
      }
      guard state.count < greatest else {
        throw Problem(
          503, "too_many_streams", "\(greatest) streams are open here already", detail: "Try again in a while.",
          retryAfter: 10)
      }
      state.serial += 1
      state.count += 1
      let signal = Signal()
      state.streams[user, default: [:]][state.serial] = signal
      return (state.serial, signal)
    }
  }

  func leave(_ user: UUID, _ serial: UInt64) {
    state.withLock { state in
      guard state.streams[user]?.removeValue(forKey: serial) != nil else { return }
      state.count -= 1
      if state.streams[user]?.isEmpty == true { state.streams[user] = nil }
    }
  }

  func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      for await text in database.notifications(on: InboxStore.channel) { raise(UUID(uuidString: text)) }
    }
  }

  /// - Parameter user: nil for all, since something may have been missed.
  private func raise(_ user: UUID?) {
    let signals = state.withLock { state in
      if let user { return state.streams[user].map { Array($0.values) } ?? [] }
      return state.streams.values.flatMap(\.values)
    }
    for signal in signals { signal.raise() }
  }
}
