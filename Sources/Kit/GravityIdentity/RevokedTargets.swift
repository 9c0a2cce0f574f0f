import Foundation

/// Tokens, sessions and subjects that were revoked, each until its tokens have expired anyway.
struct RevokedTargets: Sendable {
  private var tokens: [String: Date] = [:]
  private var sessions: [String: Date] = [:]
  private var subjects: [String: Subject] = [:]

  private struct Subject {
    var epoch: Int64
    var expiresAt: Date

    /// Whichever goes further, in both respects.
    func joined(_ other: Subject) -> Subject {
      Subject(epoch: max(epoch, other.epoch), expiresAt: max(expiresAt, other.expiresAt))
    }
  }

  var count: Int { tokens.count + sessions.count + subjects.count }

  func contain(_ tokenID: String, _ sessionID: String?, _ subject: String, _ epoch: Int64) -> Bool {
    if tokens[tokenID] != nil { return true }
    if let sessionID, sessions[sessionID] != nil { return true }
    if let subject = subjects[subject] { return epoch < subject.epoch }
    return false
  }

  mutating func insert(_ revocation: Revocation) {
    let expiresAt = revocation.expiresAt
    switch revocation.target {
    case .token(let id): tokens[id] = max(tokens[id] ?? expiresAt, expiresAt)
    case .session(let id): sessions[id] = max(sessions[id] ?? expiresAt, expiresAt)
    case .subject(let id, let epoch):
      let subject = Subject(epoch: epoch, expiresAt: expiresAt)
      subjects[id] = subjects[id]?.joined(subject) ?? subject
    }
  }

  mutating func add(_ others: RevokedTargets) {
    tokens.merge(others.tokens, uniquingKeysWith: max)
    sessions.merge(others.sessions, uniquingKeysWith: max)
    subjects.merge(others.subjects) { $0.joined($1) }
  }

  /// Forgets what has expired by `now`.
  mutating func sweep(now: Date) {
    tokens = tokens.filter { $0.value > now }
    sessions = sessions.filter { $0.value > now }
    subjects = subjects.filter { $0.value.expiresAt > now }
  }
}
