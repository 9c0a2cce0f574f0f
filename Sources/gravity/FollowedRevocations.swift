import AuthAPI
import Foundation
import GravityContracts
import GravityEvents
import GravityIdentity
import Synchronization

/// How far this process knows the blacklist of an auth that is elsewhere, from its announcements and its answers.
final class FollowedRevocations: Sendable {
  /// Seconds. An announcement that is older by the clocks of the two machines confirms nothing; nor does one from the
  /// future.
  static let greatestDelay: TimeInterval = 0.4

  private struct State {
    /// nil until auth was asked once: an announcement alone says nothing of what came before it.
    var next: Int64?
    var confirmedAt: ContinuousClock.Instant?
  }
  let list: RevocationList
  private let masterKey: MasterKey
  private let state = Mutex(State())

  init(list: RevocationList, masterKey: MasterKey) {
    self.list = list
    self.masterKey = masterKey
  }

  /// What to ask auth `after`.
  var next: Int64 { state.withLock { $0.next ?? 0 } }

  /// Whether an announcement has said since then that nothing is missing.
  func isConfirmed(since time: ContinuousClock.Instant) -> Bool {
    state.withLock { state in state.confirmedAt.map { $0 >= time } ?? false }
  }

  /// Takes what auth answered to somebody who asked it at `asked`.
  func take(answer feed: RevocationFeed, asked: ContinuousClock.Instant) {
    list.insert(feed.items.compactMap(\.revocation))
    state.withLock { $0.next = max($0.next ?? 0, feed.next) }
    if feed.complete { list.markComplete(asked: asked) }
  }

  /// Takes what came over a feed. What auth did not announce changes nothing. Entries count whenever they come; only a
  /// timely announcement without a gap before it confirms the list.
  func take(announced message: EventMessage, received: ContinuousClock.Instant = .now, at now: Date = Date()) {
    guard let announcement = open(message) else { return }
    list.insert(announcement.feed.items.compactMap(\.revocation))
    let delay = now.timeIntervalSince(announcement.time)
    guard announcement.feed.complete, abs(delay) <= Self.greatestDelay,
      advance(from: announcement.after, to: announcement.feed.next, confirmed: received)
    else { return }
    // The clocks may differ by as much as is allowed, so it may be that much older than it looks.
    list.markComplete(asked: received - .seconds(max(0, delay) + Self.greatestDelay))
  }

  /// - Returns: nil for what auth did not announce.
  private func open(_ message: EventMessage) -> RevocationAnnouncement? {
    let decoder = WireFormat.makeDecoder()
    guard let event = try? CloudEvent(json: message.body),
      let sealed = try? decoder.decode(SealedAnnouncement.self, from: Data(event.data)),
      let mac = Data(base64Encoded: sealed.mac)
    else { return nil }
    let content = Data(sealed.content.utf8)
    let expected = masterKey.authenticationCode(SealedAnnouncement.keyLabel, content)
    guard ConstantTime.areEqual(expected, mac) else { return nil }
    return try? decoder.decode(RevocationAnnouncement.self, from: content)
  }

  /// - Returns: false when something before `after` is missing.
  private func advance(from after: Int64, to next: Int64, confirmed time: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      guard let known = state.next, known >= after else { return false }
      state.next = max(known, next)
      state.confirmedAt = time
      return true
    }
  }
}

extension RevocationEntry {
  /// nil for a kind of entry that this build does not know.
  fileprivate var revocation: Revocation? {
    if let token { return Revocation(.token(token), expiresAt: expiresAt) }
    if let session { return Revocation(.session(session), expiresAt: expiresAt) }
    guard let subject, let epoch else { return nil }
    return Revocation(.subject(subject, epoch: epoch), expiresAt: expiresAt)
  }
}
