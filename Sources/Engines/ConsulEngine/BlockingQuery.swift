import GravityData

/// One thing of Consul's that is followed: asked for at once, then again for what comes after, for ever.
struct BlockingQuery {
  private let path: String
  private let query: [(String, String)]
  private let isMissingAnAnswer: Bool
  private let agent: ConsulAgent
  private var settings: ConsulSettings { agent.settings }

  /// - Parameter missing: Whether 404 is an answer.
  init(path: String, _ query: [(String, String)], missing: Bool = false, _ agent: ConsulAgent) {
    self.path = path
    self.query = query
    isMissingAnAnswer = missing
    self.agent = agent
  }

  /// Until the task is cancelled.
  ///
  /// - Parameters:
  ///   - wait: How long to wait for a change, at most what the settings say.
  ///   - interrupted: From here on changes may have been missed, or the history is another. With the error, the first
  ///     time in a row.
  ///   - answered: An error that it throws makes the answer count as none.
  func follow(
    wait: () -> Duration, interrupted: (ConsulError?) -> Void, answered: (ConsulClient.Answer) throws -> Void
  ) async {
    var index = BlockingIndex()
    var backoff = Backoff(first: settings.firstPause, greatest: settings.greatestPause)
    var budget = AnswerBudget(burst: settings.burst, perSecond: settings.answersPerSecond, now: .now)
    while !Task.isCancelled {
      do {
        let answer = try await ask(index.value, wait: min(wait(), settings.wait))
        if index.take(answer.index) == .backward {
          interrupted(nil)
        } else {
          try answered(answer)
          backoff.succeeded()
        }
        let pause = budget.take(now: .now)
        if pause > .zero { try await Task.sleep(for: pause) }
      } catch {
        guard !Task.isCancelled else { return }
        index.reset()
        let pause = backoff.next()
        interrupted(backoff.failures == 1 ? error as? ConsulError : nil)
        do { try await Task.sleep(for: pause) } catch { return }
      }
    }
  }

  private func ask(_ index: UInt64, wait: Duration) async throws -> ConsulClient.Answer {
    var query = query
    if index > 0 { query += [("index", "\(index)"), ("wait", wait.consul)] }
    let (all, missing) = (query, isMissingAnAnswer)
    // Consul adds up to a sixteenth, so that those that wait do not all come back at once.
    let timeout = settings.requestTimeout + (index > 0 ? wait * 17 / 16 : .zero)
    return try await agent.pulse.during { [agent, path] in
      try await agent.client.send(.get, path, all, missing: missing, timeout: timeout)
    }
  }
}
