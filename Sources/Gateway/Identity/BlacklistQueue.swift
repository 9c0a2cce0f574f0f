import CoreMetrics
import GravityIdentity
import Logging
import NIOCore

/// Questions of one event loop to the store of the blacklist: so many at a time, one for each token however many
/// requests bear it, each for so long at most.
final class BlacklistQueue {
  enum Outcome: Sendable, Equatable {
    case accepted, revoked
    /// The store does not answer, or has lost the blacklist.
    case unknown
  }
  typealias Completion = (Outcome) -> Void

  private struct Question {
    /// Tells it from a later one about the same token.
    var number: Int
    var waiting: [Completion]
    var timeout: Scheduled<Void>?
  }

  private let loop: any EventLoop
  private let store: any TokenStore
  private let settings: BlacklistSettings
  private let metrics: BlacklistMetrics
  private let logger: Logger
  private var questions: [String: Question] = [:]
  private var lastNumber = 0
  private var waiting = 0
  /// Calls that have not returned, also of questions that were given up.
  private var calls = 0
  private var failures = 0
  /// So many failures in a row, and the store counts as away: one question at a time looks whether it is back, and
  /// nobody else waits for it.
  private static let failuresUntilAway = 3

  init(
    loop: any EventLoop, store: any TokenStore, settings: BlacklistSettings, metrics: BlacklistMetrics, logger: Logger
  ) {
    self.loop = loop
    self.store = store
    self.settings = settings
    self.metrics = metrics
    self.logger = logger
  }

  /// Asks whether the token of `principal` was revoked; `completion` is called on the event loop, never before this
  /// returns.
  ///
  /// - Returns: false when the store is away or too many wait, and nothing will be called.
  func ask(_ principal: Principal, _ completion: @escaping Completion) -> Bool {
    let isAway = failures >= Self.failuresUntilAway
    guard waiting < settings.waitingRequests else { return false }
    if questions[principal.tokenID] != nil {
      guard !isAway else { return false }
      questions[principal.tokenID]?.waiting.append(completion)
      waiting += 1
      return true
    }
    guard isAway ? questions.isEmpty && calls < settings.concurrentQuestions : calls < settings.concurrentQuestions
    else { return false }
    start(principal, completion)
    return true
  }

  private func start(_ principal: Principal, _ completion: @escaping Completion) {
    lastNumber += 1
    let (number, id) = (lastNumber, principal.tokenID)
    calls += 1
    waiting += 1
    let promise = loop.makePromise(of: Result<RevocationList.Verdict, any Error>.self)
    let store = store
    let call = Task {
      do {
        promise.succeed(
          .success(
            try await store.verdict(
              tokenID: id, sessionID: principal.sessionID, subject: principal.subject, epoch: principal.epoch)))
      } catch {
        promise.succeed(.failure(error))
      }
    }
    let timeout = loop.assumeIsolated().scheduleTask(
      in: .nanoseconds(max(1_000_000, settings.patience.nanoseconds))
    ) { [weak self] in
      // A store that heeds it frees its place at once.
      call.cancel()
      self?.fail(id, number, "no answer within \(self?.settings.patience ?? .zero)")
    }
    questions[id] = Question(number: number, waiting: [completion], timeout: timeout)
    promise.futureResult.assumeIsolated().whenSuccess { [weak self] result in
      guard let self else { return }
      self.calls -= 1
      self.answered(result, id, number)
    }
  }

  private func answered(_ result: Result<RevocationList.Verdict, any Error>, _ id: String, _ number: Int) {
    switch result {
    case .failure(let error): fail(id, number, "\(error)")
    case .success(let verdict):
      guard questions[id]?.number == number else { return }
      if failures >= Self.failuresUntilAway { logger.notice("the store of the blacklist answers again") }
      failures = 0
      switch verdict {
      case .accepted:
        metrics.accepted.increment()
        end(id, .accepted)
      case .revoked:
        metrics.revoked.increment()
        end(id, .revoked)
      case .unknown:
        metrics.unseeded.increment()
        end(id, .unknown)
      }
    }
  }

  private func fail(_ id: String, _ number: Int, _ reason: String) {
    guard questions[id]?.number == number else { return }
    metrics.errors.increment()
    failures += 1
    if failures == Self.failuresUntilAway {
      logger.warning("the store of the blacklist does not answer", metadata: ["reason": "\(reason)"])
    }
    end(id, .unknown)
  }

  private func end(_ id: String, _ outcome: Outcome) {
    guard let question = questions.removeValue(forKey: id) else { return }
    question.timeout?.cancel()
    waiting -= question.waiting.count
    for completion in question.waiting { completion(outcome) }
  }
}
