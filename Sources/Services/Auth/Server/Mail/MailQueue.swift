import AuthAPI
import Foundation
import GravityContracts
import GravityData
import Logging

/// Messages that were asked for and are not sent yet. They wait in the database, so a request for one does the same
/// work for every address, and a crash loses none.
struct MailQueue: Sendable {
  let core: AuthCore
  let notifier: any Notifier

  /// Seconds until a message whose attempt never came to an end is tried again; longer than a claim takes.
  private static let lease: TimeInterval = 60
  /// Messages of one claim, one after the other.
  private static let claimed = 8
  /// Seconds until one that could not be sent is tried again, doubled with each attempt.
  private static let firstPause: TimeInterval = 2
  private static let greatestPause: TimeInterval = 60
  /// The same of a notice.
  private static let greatestNoticePause: TimeInterval = 900
  /// Seconds after which a request is a dead letter: whoever asked has asked again.
  private static let lifetime: TimeInterval = 3600
  /// The same of a message that tells what happened.
  private static let noticeLifetime: TimeInterval = 7 * 86_400
  /// Messages of one kind with a live token for one account; further requests are passed over, so that nobody's
  /// mailbox can be flooded.
  private static let greatestLive = 3
  /// Seconds for which a message counts that somebody wanted to open an account with an address that has one.
  private static let reminderLifetime: TimeInterval = 86_400

  func request(_ kind: AuthMessage.Kind, to email: EmailAddress) async throws {
    let id = core.newID()
    try await core.write { transaction, now in try request(kind, to: email, id: id, transaction, now) }
  }

  func request(
    _ kind: AuthMessage.Kind, to email: EmailAddress, id: UUID, _ transaction: any Transaction, _ now: Date
  ) throws {
    try MailRequestStore(transaction).insert(
      id, kind, email: email.text, now: now, expiresAt: now + Self.lifetime)
  }

  /// A message about an account to an address that need not be its own.
  func request(
    _ kind: AuthMessage.Kind, to email: String, about account: UUID, id: UUID, _ transaction: any Transaction,
    _ now: Date
  ) throws {
    try MailRequestStore(transaction).insert(
      id, kind, email: email, account: account, now: now, expiresAt: now + Self.lifetime(of: kind))
  }

  /// What tells of a theft is worth sending also when mail was away for days.
  static func lifetime(of kind: AuthMessage.Kind) -> TimeInterval {
    switch kind {
    case .emailWanted, .emailChanged, .emailReplaced, .secondFactorAdded, .secondFactorRemoved, .recoveryCodeUsed,
      .passkeyAdded, .passkeyRemoved, .identityLinked, .apiKeyCreated:
      noticeLifetime
    case .verification, .recovery, .alreadyRegistered, .emailChange: lifetime
    }
  }

  /// Sends what is due.
  /// - Returns: how many requests were looked at.
  @discardableResult
  func deliverDue() async throws -> Int {
    let due = try await core.write { transaction, now in
      try MailRequestStore(transaction).claim(now: now, lease: now + Self.lease, limit: Self.claimed)
    }
    // In the order in which they were asked for: a database gives them back in any.
    for row in due.sorted(by: { $0.id < $1.id }) {
      do {
        if let message = try await message(for: row) { try await notifier.send(message) }
        try await core.write { transaction, _ in try MailRequestStore(transaction).delete(row.id) }
      } catch { try await failed(row, error) }
    }
    return due.count
  }

  private func failed(_ row: MailRequestRow, _ error: any Error) async throws {
    let refusal = (error as? MessageRefused)?.reason
    // Others' errors may repeat what was sent.
    let words = refusal ?? (error as? Problem).map { "\($0.status) \($0.code)" } ?? "\(type(of: error))"
    let greatest = Self.lifetime(of: row.purpose) > Self.lifetime ? Self.greatestNoticePause : Self.greatestPause
    let pause = min(greatest, Self.firstPause * Double(1 << min(max(row.attempts - 1, 0), 16)))
    try await core.write { transaction, now in
      let store = MailRequestStore(transaction)
      if refusal != nil { return try store.bury(row.id, words, now: now) }
      try store.postpone(row.id, until: now + pause, words)
    }
    core.logger.log(
      level: refusal == nil ? .warning : .error,
      refusal == nil ? "a message was not sent" : "a message was refused; it is a dead letter",
      metadata: [
        "mail.id": "\(row.id.lowercased)", "attempt": "\(row.attempts)", "error.type": "\(type(of: error))",
        "error.message": "\(words)",
      ])
  }

  /// Makes dead letters of what could not be sent for as long as it made sense.
  static func bury(_ transaction: any Transaction, _ now: Date, limit: Int, _ logger: Logger) throws -> Int {
    let dead = try MailRequestStore(transaction).buryExpired(now: now, limit: limit)
    for id in dead {
      logger.error(
        "a message could not be sent in time; it is a dead letter", metadata: ["mail.id": "\(id.lowercased)"])
    }
    return dead.count
  }

  /// nil when there is nobody to write to. The token is made only now, so that it is nowhere but in the message.
  private func message(for row: MailRequestRow) async throws -> AuthMessage? {
    let token = Data(core.randomBytes(32)).base64URLEncodedString()
    return try await core.write { [core] transaction, now in
      if let about = row.account { return try message(for: row, about: about, token: token, transaction, now) }
      guard let account = try AccountStore(transaction).find(email: row.email) else { return nil }
      let (purpose, lifetime): (OneTimeTokenStore.Purpose, TimeInterval)
      switch (row.purpose, account.status) {
      // Also where accounts are active without it: then it is worth something to those who want to join a team.
      case (.verification, .unverified),
        (.verification, .active) where !account.emailVerified:
        (purpose, lifetime) = (.verification, core.configuration.verificationTokenLifetime)
      case (.recovery, .active), (.recovery, .unverified):
        (purpose, lifetime) = (.recovery, core.configuration.recoveryTokenLifetime)
      case (.alreadyRegistered, .active), (.alreadyRegistered, .unverified):
        (purpose, lifetime) = (.alreadyRegistered, Self.reminderLifetime)
      default: return nil
      }
      let store = OneTimeTokenStore(transaction)
      guard try store.liveCount(of: account.id, for: purpose, besides: row.id, now: now) < Self.greatestLive else {
        return nil
      }
      // Of several, the last counts: the others may lie about in a mailbox.
      if purpose == .recovery { try store.replaceRecovery(of: account.id) }
      let expiresAt = (now + lifetime).roundedToMicroseconds
      try store.insert(OneTimeTokenStore.hash(token), purpose, account: account.id, mail: row.id, expiresAt: expiresAt)
      let isTold = purpose != .alreadyRegistered
      return AuthMessage(
        id: row.id, kind: row.purpose, email: row.email, name: account.name, token: isTold ? token : nil,
        expiresAt: isTold ? expiresAt : nil, account: account.id)
    }
  }

  /// What a change of address leads to. For an address that is taken the same is done as for a free one, but that its
  /// holder gets the message and nobody the token.
  private func message(
    for row: MailRequestRow, about id: UUID, token: String, _ transaction: any Transaction, _ now: Date
  ) throws -> AuthMessage? {
    // It may have been withdrawn since it was claimed.
    guard try MailRequestStore(transaction).exists(row.id), let account = try AccountStore(transaction).find(id),
      account.status != .deleted
    else { return nil }
    guard row.purpose == .emailChange else {
      let tellsOfLoss: Set<AuthMessage.Kind> = [
        .emailReplaced, .secondFactorRemoved, .recoveryCodeUsed, .passkeyAdded, .passkeyRemoved, .identityLinked,
        .apiKeyCreated,
      ]
      let contact = tellsOfLoss.contains(row.purpose) ? core.configuration.supportContact : nil
      return AuthMessage(
        id: row.id, kind: row.purpose, email: row.email, name: account.name, token: nil, expiresAt: nil,
        contact: contact, account: id)
    }
    let store = OneTimeTokenStore(transaction)
    guard account.status == .active, account.email != row.email,
      try store.liveCount(of: id, for: .emailChange, besides: row.id, now: now) < Self.greatestLive
    else { return nil }
    let holder = try AccountStore(transaction).find(email: row.email)
    let expiresAt = (now + core.configuration.emailChangeTokenLifetime).roundedToMicroseconds
    try store.insert(
      OneTimeTokenStore.hash(token), .emailChange, account: id, email: row.email, mail: row.id, expiresAt: expiresAt)
    if let holder {
      return AuthMessage(
        id: row.id, kind: .emailWanted, email: row.email, name: holder.name, token: nil, expiresAt: nil,
        account: holder.id)
    }
    return AuthMessage(
      id: row.id, kind: .emailChange, email: row.email, name: account.name, token: token, expiresAt: expiresAt,
      account: id)
  }
}
