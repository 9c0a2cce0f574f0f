public import Foundation
import Synchronization

/// The blacklist as one process knows it: asked on every request, fed by auth.
///
/// It is asked without waiting, so a gateway can ask it on its event loop.
public final class RevocationList: Sendable {
  private struct State {
    var tokens: [String: Date] = [:]
    var sessions: [String: Date] = [:]
    var subjects: [String: (epoch: Int64, expiresAt: Date)] = [:]
    /// When the list was last known to be complete, on the monotonic clock; nil before the first time.
    var completeAt: ContinuousClock.Instant?
    var nextSweep = 4096
  }
  private let state = Mutex(State())
  private let maximumAge: Duration?

  /// - Parameter maximumAge: How long after it was last complete the list may still be relied upon. nil where the
  ///   list is fed in the same process and cannot lag.
  public init(maximumAge: Duration?) { self.maximumAge = maximumAge }

  public enum Verdict: Sendable, Hashable {
    case accepted
    case revoked
    /// The feed stopped: what was revoked since is not known. The caller refuses (503) unless it was configured not to.
    case unknown
  }

  public func verdict(on principal: Principal, at now: ContinuousClock.Instant = .now) -> Verdict {
    verdict(
      tokenID: principal.tokenID, sessionID: principal.sessionID, subject: principal.subject, epoch: principal.epoch,
      at: now)
  }

  public func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64, at now: ContinuousClock.Instant = .now
  ) -> Verdict {
    state.withLock { state in
      if state.tokens[tokenID] != nil { return .revoked }
      if let sessionID, state.sessions[sessionID] != nil { return .revoked }
      if let subject = state.subjects[subject], epoch < subject.epoch { return .revoked }
      guard let maximumAge else { return .accepted }
      guard let completeAt = state.completeAt, now - completeAt <= maximumAge else { return .unknown }
      return .accepted
    }
  }

  /// Adds entries; those that expired are forgotten now and then.
  public func insert(_ revocations: some Sequence<Revocation>, now: Date = Date()) {
    state.withLock { state in
      for revocation in revocations where revocation.expiresAt > now {
        switch revocation.target {
        case .token(let id): state.tokens[id] = revocation.expiresAt
        case .session(let id): state.sessions[id] = revocation.expiresAt
        case .subject(let id, let epoch):
          let known = state.subjects[id]
          state.subjects[id] = (
            max(epoch, known?.epoch ?? 0), max(revocation.expiresAt, known?.expiresAt ?? .distantPast)
          )
        }
      }
      guard state.tokens.count + state.sessions.count + state.subjects.count > state.nextSweep else { return }
      state.tokens = state.tokens.filter { $0.value > now }
      state.sessions = state.sessions.filter { $0.value > now }
      state.subjects = state.subjects.filter { $0.value.expiresAt > now }
      state.nextSweep = 2 * (state.tokens.count + state.sessions.count + state.subjects.count) + 4096
    }
  }

  /// The feed said, of a moment not earlier than `asked`, that nothing is missing.
  public func markComplete(asked: ContinuousClock.Instant) {
    state.withLock { $0.completeAt = max($0.completeAt ?? asked, asked) }
  }
}
