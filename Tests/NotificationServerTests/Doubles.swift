import Foundation
import GravityContracts
import GravityIdentity
import NotificationAPI
import NotificationServer
import Synchronization
import UserAPI

final class TestClock: Sendable {
  private struct State {
    var now = Date(microsecondsSince1970: Date().microsecondsSince1970)
    var waiting: [(end: Date, continuation: AsyncStream<Void>.Continuation)] = []
  }
  private let state = Mutex(State())
  var now: Date { state.withLock { $0.now } }
  /// How many wait.
  var waiting: Int { state.withLock { $0.waiting.count } }

  func advance(_ seconds: TimeInterval) {
    let due = state.withLock { state in
      state.now += seconds
      let due = state.waiting.filter { $0.end <= state.now }
      state.waiting.removeAll { $0.end <= state.now }
      return due
    }
    for waiter in due { waiter.continuation.finish() }
  }

  /// Returns when this clock was moved so far.
  func wait(_ seconds: TimeInterval) async throws {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    state.withLock { $0.waiting.append(($0.now + seconds, continuation)) }
    for await _ in stream {}
    try Task.checkCancellation()
  }
}

/// Ids of which each is greater than the one before, also within a millisecond.
enum OrderedIDs {
  private static let last = Mutex<Int64>(0)

  static func next() -> UUID {
    let milliseconds = last.withLock { last in
      last = max(last + 1, Int64(Date().timeIntervalSince1970 * 1000))
      return last
    }
    var random = SystemRandomNumberGenerator()
    return UUID.v7(at: Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 0.0001), using: &random)
  }
}

struct Away: Error {}

/// Auth as this service sees it, with a switch to turn it off.
final class FakeRecipients: RecipientDirectory {
  private let state = Mutex((people: [UUID: AccountRecipient](), isAway: false, asked: 0, off: [UUID: [String]]()))

  /// What was switched off, as `email orders`.
  func off(_ user: UUID) -> [String] { state.withLock { $0.off[user] ?? [] } }
  func prefer(_ preferences: NotificationPreferences?, of user: UUID) {
    state.withLock { $0.people[user]?.preferences = preferences }
  }
  func switchOff(
    _ channel: NotificationChannel, _ category: NotificationCategory, of user: UUID
  ) async throws -> Bool {
    try state.withLock { state in
      if state.isAway { throw Away() }
      state.off[user, default: []].append("\(channel.rawValue) \(category.rawValue)")
      state.people[user]?.preferences?.choices[channel, default: [:]][category] = false
      return state.people[user] != nil
    }
  }

  var asked: Int { state.withLock { $0.asked } }
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
  func remove(_ id: UUID) { state.withLock { $0.people[id] = nil } }

  @discardableResult
  func add(
    _ email: String?, name: String = "Ada Lovelace", phone: String? = nil, locale: String? = nil
  ) -> UUID {
    let id = OrderedIDs.next()
    state.withLock { $0.people[id] = AccountRecipient(email: email, name: name, phone: phone, locale: locale) }
    return id
  }

  func recipient(_ account: UUID) async throws -> AccountRecipient? {
    try state.withLock { state in
      state.asked += 1
      if state.isAway { throw Away() }
      return state.people[account]
    }
  }
}

/// The order service, with a switch to turn it off.
final class FakeOrders: OrderReader {
  private let state = Mutex((orders: [UUID: OrderSummary](), isAway: false))

  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

  func add(of user: UUID, _ change: (inout OrderSummary) -> Void = { _ in }) -> UUID {
    let id = OrderedIDs.next()
    let euro = Currency("EUR")!
    var order = OrderSummary(
      id: id, number: "7K3MQ-2XF9A", userID: user,
      lines: [
        .init(sku: "TSHIRT-M", title: "T-shirt <M> & more", quantity: 2, total: Money(259_800, euro)!),
        .init(sku: "MUG", title: "Becher „Blau“", quantity: 1, total: Money(7, euro)!),
      ], total: Money(259_807, euro)!, cancelReason: nil)
    change(&order)
    let kept = order
    state.withLock { $0.orders[id] = kept }
    return id
  }

  func order(_ id: UUID) async throws -> OrderSummary? {
    try state.withLock { state in
      if state.isAway { throw Away() }
      return state.orders[id]
    }
  }
}

/// Takes mails as it is told.
final class FakeMail: MailTransport {
  private struct State {
    var mails: [Mail] = []
    var erased: [UUID] = []
    var answer: @Sendable (Mail) async -> SendOutcome = { _ in .sent }
  }
  private let state = Mutex(State())

  var mails: [Mail] { state.withLock { $0.mails } }
  var erased: [UUID] { state.withLock { $0.erased } }
  func answer(_ body: @escaping @Sendable (Mail) async -> SendOutcome) { state.withLock { $0.answer = body } }

  func send(_ mails: [Mail]) async -> [SendOutcome] {
    let answer = state.withLock { state in
      state.mails += mails
      return state.answer
    }
    var outcomes: [SendOutcome] = []
    for mail in mails { outcomes.append(await answer(mail)) }
    return outcomes
  }

  func erase(_ ids: [UUID]) async throws { state.withLock { $0.erased += ids } }
}

/// Answers webhooks as it is told.
final class FakeOutgoing: OutgoingHTTP {
  private struct State {
    var requests: [OutgoingRequest] = []
    var answer: @Sendable (OutgoingRequest) async -> OutgoingAnswer = { _ in .reply(status: 204, body: []) }
  }
  private let state = Mutex(State())

  var requests: [OutgoingRequest] { state.withLock { $0.requests } }
  func answer(_ body: @escaping @Sendable (OutgoingRequest) async -> OutgoingAnswer) {
    state.withLock { $0.answer = body }
  }

  func post(_ request: OutgoingRequest) async -> OutgoingAnswer {
    let answer = state.withLock { state in
      state.requests.append(request)
      return state.answer
    }
    return await answer(request)
  }
}

/// Takes `user~<id>~<permission>~…` for a token.
struct FakeVerifier: TokenVerifier {
  static func token(_ permissions: Permission...) -> String {
    (["user", OrderedIDs.next().lowercased] + permissions.map(\.rawValue)).joined(separator: "~")
  }

  /// Of somebody without permissions.
  static func token(of user: UUID) -> String { "user~\(user.lowercased)" }

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let parts = token.split(separator: "~").map(String.init)
    guard parts.count >= 2, parts[0] == "user" else { throw TokenRefusal(.invalid, "no such token") }
    return Principal(
      subject: parts[1], tokenID: token, permissions: parts.dropFirst(2).map(Permission.init(rawValue:)),
      issuedAt: .distantPast, expiresAt: .distantFuture)
  }
}
