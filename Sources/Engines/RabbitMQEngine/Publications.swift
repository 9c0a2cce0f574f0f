import GravityData
import Foundation
import GravityEvents
import Synchronization

/// What callers want published, and whether it was. Between them and the publishing thread.
///
/// Callers are answered in time whatever that thread does: the watchdog sees to it.
final class Publications: Watched {
  /// One message on its way, and the call that it belongs to.
  struct Item {
    var call: UInt64
    var message: EventMessage
  }

  struct Announcement {
    var id: UInt64
    var message: EventMessage
  }

  struct State {
    var calls: [UInt64: Call] = [:]
    var nextCall: UInt64 = 0
    /// Calls with messages that were not sent yet, and all calls by deadline; those that are over are skipped.
    var unsent = FIFO<UInt64>()
    var deadlines = FIFO<UInt64>()
    var announcing = FIFO<(announcement: Announcement, deadline: UInt64)>()
    var announcements: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    /// Sent, not confirmed, and somebody waits for it.
    var inFlight = 0
    /// Why nothing can be published, and since when that is so.
    var failure: BrokerError? = .unavailable("not connected yet")
    var failingSince = UInt64.max
    var blocked: String?
    var isStopping = false
  }

  struct Call {
    let deadline: UInt64
    let messages: [EventMessage]
    var sent = 0
    /// Of those sent.
    var answered = 0
    var safe: Set<UUID> = []
    let continuation: CheckedContinuation<Set<UUID>, any Error>
  }

  private let timeout: Duration
  private let window: Int
  private let state = Mutex(State())
  let bell = Bell()

  init(timeout: Duration, window: Int) {
    self.timeout = timeout
    self.window = window
  }

  // MARK: - What callers do

  func publish(_ messages: [EventMessage], _ watchdog: Watchdog) async throws -> Set<UUID> {
    try Task.checkCancellation()
    let id = newID()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let deadline = Uptime.after(timeout)
        let refusal: BrokerError? = state.withLock { state in
          if let refusal = self.refusal(state) { return refusal }
          state.calls[id] = Call(deadline: deadline, messages: messages, continuation: continuation)
          while let over = state.deadlines.first, state.calls[over] == nil { _ = state.deadlines.popFirst() }
          state.unsent.append(id)
          state.deadlines.append(id)
          return nil
        }
        if let refusal { return continuation.resume(throwing: refusal) }
        bell.ring()
        watchdog.expect(by: deadline)
        // The handler may have run before there was anything to give up.
        if Task.isCancelled { giveUp(id) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  func announce(_ message: EventMessage, _ watchdog: Watchdog) async throws {
    let id = newID()
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      let deadline = Uptime.after(timeout)
      let refusal: BrokerError? = state.withLock { state in
        // Nobody would hear it later.
        if let trouble = Self.trouble(state) { return trouble }
        state.announcements[id] = continuation
        state.announcing.append((Announcement(id: id, message: message), deadline))
        return nil
      }
      if let refusal { return continuation.resume(throwing: refusal) }
      bell.ring()
      watchdog.expect(by: deadline)
    }
  }

  var trouble: BrokerError? { state.withLock { Self.trouble($0) } }

  private func newID() -> UInt64 {
    state.withLock { state in
      state.nextCall += 1
      return state.nextCall
    }
  }

  private static func trouble(_ state: borrowing State) -> BrokerError? {
    if state.isStopping { return .closed }
    if let failure = state.failure { return failure }
    return state.blocked.map { .unavailable("it takes no messages: \($0)") }
  }

  /// Nobody has to wait for what will not come: a refusal, or a broker that is away for longer than anybody waits.
  private func refusal(_ state: borrowing State) -> BrokerError? {
    if state.isStopping { return .closed }
    guard let failure = state.failure else { return nil }
    if case .refused = failure { return failure }
    let now = Uptime.now
    return state.failingSince < now && now - state.failingSince > timeout.nanoseconds ? failure : nil
  }

  private func giveUp(_ id: UInt64) { change { $0.end(id, CancellationError(), &$1) } }

  // MARK: - What the watchdog does

  func check(at now: UInt64) -> UInt64 {
    change { state, answers in
      var next = UInt64.max
      while let id = state.deadlines.first {
        if let call = state.calls[id] {
          guard call.deadline <= now else {
            next = call.deadline
            break
          }
          state.end(id, Self.trouble(state) ?? .unavailable("it did not confirm in time"), &answers)
        }
        _ = state.deadlines.popFirst()
      }
      while let (announcement, deadline) = state.announcing.first {
        guard deadline <= now else { return min(next, deadline) }
        _ = state.announcing.popFirst()
        let reason = Self.trouble(state) ?? .unavailable("it did not take it in time")
        state.announced(announcement.id, reason, &answers)
      }
      return next
    }
  }

  // MARK: - What the publishing thread does

  var isStopping: Bool { state.withLock { $0.isStopping } }

  var hasWork: Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      return !state.announcing.isEmpty || (state.inFlight < window && !state.unsent.isEmpty)
    }
  }

  /// The next messages to send: as many as the window and these bounds allow, but one in any case.
  func take(atMost count: Int, bytes: Int) -> [Item] {
    state.withLock { state in
      var items: [Item] = []
      var room = bytes
      while items.count < count, room > 0, state.inFlight < window, let id = state.unsent.first {
        guard let message = state.calls[id]?.next() else {
          _ = state.unsent.popFirst()
          continue
        }
        state.inFlight += 1
        items.append(Item(call: id, message: message))
        room -= message.body.count + 200
      }
      return items
    }
  }

  func takeAnnouncements() -> [Announcement] {
    state.withLock { state in state.announcing.take(atMost: 100).map { $0.announcement } }
  }

  func announced(_ announcements: [Announcement]) {
    change { state, answers in
      for announcement in announcements { state.announced(announcement.id, nil, &answers) }
    }
  }

  /// What the broker has said of them.
  func answered(_ items: [(item: Item, isSafe: Bool)]) {
    change { state, answers in
      for (item, isSafe) in items {
        guard let isOver = state.calls[item.call]?.answered(item.message.id, isSafe: isSafe) else { continue }
        state.inFlight -= 1
        if isOver { state.end(item.call, BrokerError.refused("it took none of the messages"), &answers) }
      }
    }
  }

  func connected() {
    state.withLock { state in
      state.failure = nil
      state.failingSince = .max
      state.blocked = nil
    }
  }

  func blocked(_ reason: String?) { state.withLock { $0.blocked = reason } }

  /// Calls of which something is on its way end, since nobody will confirm it. The others wait for the next
  /// connection, unless the broker does not want us.
  func disconnected(_ failure: BrokerError) {
    change { state, answers in
      state.failingSince = min(state.failingSince, Uptime.now)
      state.failure = failure
      state.blocked = nil
      var endsAll = false
      if case .refused = failure { endsAll = true }
      for (id, call) in state.calls where endsAll || call.sent > 0 { state.end(id, failure, &answers) }
      for id in state.announcements.keys { state.announced(id, failure, &answers) }
      state.announcing.removeAll()
    }
  }

  // MARK: - The end

  /// Nothing new is taken, and what was not sent will not be.
  func stop() {
    change { state, answers in
      state.isStopping = true
      for (id, call) in state.calls where call.sent == 0 { state.end(id, BrokerError.closed, &answers) }
    }
    bell.ring()
  }

  func close() {
    stop()
    change { state, answers in
      for id in state.calls.keys { state.end(id, BrokerError.closed, &answers) }
      for id in state.announcements.keys { state.announced(id, .closed, &answers) }
    }
  }

  @discardableResult
  private func change<T: Sendable>(_ body: (inout State, inout Answers) -> T) -> T {
    let (result, answers) = state.withLock { state in
      var answers = Answers()
      let result = body(&state, &answers)
      return (result, answers)
    }
    answers.give()
    return result
  }
}

/// What is said to callers once the lock is free.
struct Answers: Sendable {
  private var answers: [@Sendable () -> Void] = []

  mutating func append(_ answer: @escaping @Sendable () -> Void) { answers.append(answer) }

  func give() { for answer in answers { answer() } }
}

extension Publications.State {
  /// Ends a call: with what is safe, or the error when nothing is.
  mutating func end(_ id: UInt64, _ error: any Error, _ answers: inout Answers) {
    guard let call = calls.removeValue(forKey: id) else { return }
    inFlight -= call.sent - call.answered
    answers.append {
      if call.safe.isEmpty {
        call.continuation.resume(throwing: error)
      } else {
        call.continuation.resume(returning: call.safe)
      }
    }
  }

  mutating func announced(_ id: UInt64, _ error: BrokerError?, _ answers: inout Answers) {
    guard let continuation = announcements.removeValue(forKey: id) else { return }
    answers.append {
      if let error { continuation.resume(throwing: error) } else { continuation.resume() }
    }
  }
}

extension Publications.Call {
  mutating func next() -> EventMessage? {
    guard sent < messages.count else { return nil }
    sent += 1
    return messages[sent - 1]
  }

  /// - Returns: whether that was the last.
  mutating func answered(_ id: UUID, isSafe: Bool) -> Bool {
    if isSafe { safe.insert(id) }
    answered += 1
    return answered == messages.count
  }
}
