import CoreMetrics
import GravityIdentity
import NIOCore

/// Whether a token was revoked, where the list of revocations cannot say it alone: on first sight, and while its feed has
/// stopped.
extension ClientConnection {
  func confirm(_ token: VerifiedToken, by blacklist: BlacklistQueue, _ bytes: inout ByteBuffer) {
    let number = exchangeNumber
    exchange.token = token
    let isAsked = blacklist.ask(token.principal) { [weak self] outcome in
      // Whatever became of the request, the next with this token is to know.
      if outcome == .revoked { token.confirmed = .revoked }
      guard let self, self.exchangeNumber == number, self.isDeciding(.blacklist) else { return }
      self.blacklistAnswered(outcome)
    }
    guard isAsked else { return judge(.unknown, &bytes) }
    // The questions have a bound of their own; this one is for the case that it is not kept.
    wait(.blacklist, until: worker.readClock() + 2 * worker.state.configuration.blacklist.patience.nanoseconds)
  }

  func blacklistAnswered(_ outcome: BlacklistQueue.Outcome) {
    resume { $0.judge(outcome, &$1) }
  }

  private func judge(_ outcome: BlacklistQueue.Outcome, _ bytes: inout ByteBuffer) {
    guard let token = exchange.token else { return refuse(.blacklistUnavailable, &bytes) }
    exchange.token = nil
    // The list may have learned something meanwhile.
    let verdict = worker.revocations.verdict(on: token.principal)
    if outcome == .revoked || verdict == .revoked { return revoked(token, &bytes) }
    switch (outcome, verdict) {
    case (.accepted, _):
      token.confirmed = .accepted
      permit(token, &bytes)
    // The feed says that nothing is missing. The store is asked again with the next request.
    case (_, .accepted): permit(token, &bytes)
    default:
      let metrics = worker.state.metrics.blacklist
      switch worker.state.configuration.blacklist.whenUnknown {
      case .deny:
        metrics.denied.increment()
        refuse(.blacklistUnavailable, &bytes)
      case .allow:
        metrics.allowed.increment()
        permit(token, &bytes)
      }
    }
  }
}
