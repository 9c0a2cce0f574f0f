public import Foundation
import Synchronization

/// The blacklist as one process knows it: asked on every request, fed by auth.
///
/// What is known is a value that never changes; who adds something puts another in its place. So whoever asks only looks
/// things up: nobody waits for who adds, sweeps or asks beside them. An event loop asks a ``Reader`` of its own, which
/// takes a lock only when there is something new; the list itself takes one for as long as it takes to get hold of the
/// value.
public final class RevocationList: Sendable {
  /// What is known at a time.
  final class Contents: Sendable {
    /// Nearly all of it; shared by many contents one after the other.
    let base: RevokedTargets
    /// What came since `base` was made: small, so that it costs little to copy.
    let recent: RevokedTargets
    /// When the list was last known to be complete, on the monotonic clock; nil before the first time. Beside the
    /// entries, so that nobody takes an old list for one that is complete.
    let completeAt: ContinuousClock.Instant?

    init(base: RevokedTargets, recent: RevokedTargets, completeAt: ContinuousClock.Instant?) {
      self.base = base
      self.recent = recent
      self.completeAt = completeAt
    }
  }

  private struct Published {
    var contents = Contents(base: RevokedTargets(), recent: RevokedTargets(), completeAt: nil)
    /// What readers have let go of. To free a long list takes a while, which is the writer's, not an event loop's.
    var former: [Contents] = []
  }

  /// So many are copied when something is added; beyond it all are put together once, by who adds.
  static let greatestRecent = 1_024

  /// Held for an assignment, never longer.
  private let published = Mutex(Published())
  /// Counts what was published, and is written under its lock: whoever sees the same number as before has missed nothing.
  private let version = Atomic(0)
  /// The turn of who adds, with the number of entries from which on they are swept.
  private let nextSweep = Mutex(4_096)
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

  /// - Parameter now: Asked for only where the list may be too old.
  public func verdict(
    on principal: Principal, at now: @autoclosure () -> ContinuousClock.Instant = .now
  ) -> Verdict {
    verdict(
      tokenID: principal.tokenID, sessionID: principal.sessionID, subject: principal.subject, epoch: principal.epoch,
      at: now())
  }

  /// - Parameters:
  ///   - epoch: The token's: revoked is what is earlier than the subject's.
  ///   - now: Asked for only where the list may be too old.
  public func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64,
    at now: @autoclosure () -> ContinuousClock.Instant = .now
  ) -> Verdict {
    verdict(of: published.withLock { $0.contents }, tokenID, sessionID, subject, epoch, at: now)
  }

  private func verdict(
    of contents: Contents, _ tokenID: String, _ sessionID: String?, _ subject: String, _ epoch: Int64,
    at now: () -> ContinuousClock.Instant
  ) -> Verdict {
    if contents.recent.contain(tokenID, sessionID, subject, epoch) { return .revoked }
    if contents.base.contain(tokenID, sessionID, subject, epoch) { return .revoked }
    guard let maximumAge else { return .accepted }
    guard let completeAt = contents.completeAt, now() - completeAt <= maximumAge else { return .unknown }
    return .accepted
  }

  /// Adds entries; those that expired are forgotten now and then. Whoever asks after it has returned finds them.
  public func insert(_ revocations: some Sequence<Revocation>, now: Date = Date()) {
    nextSweep.withLock { nextSweep in
      let known = published.withLock { $0.contents }
      var (base, recent) = (known.base, known.recent)
      var isNew = false
      for revocation in revocations where revocation.expiresAt > now {
        recent.insert(revocation)
        isNew = true
      }
      guard isNew else { return }
      if recent.count > Self.greatestRecent {
        base.add(recent)
        recent = RevokedTargets()
        if base.count > nextSweep {
          base.sweep(now: now)
          nextSweep = 2 * base.count + 4_096
        }
      }
      publish(Contents(base: base, recent: recent, completeAt: known.completeAt))
    }
  }

  /// The feed said, of a moment not earlier than `asked`, that nothing is missing.
  public func markComplete(asked: ContinuousClock.Instant) {
    nextSweep.withLock { _ in
      let known = published.withLock { $0.contents }
      publish(
        Contents(base: known.base, recent: known.recent, completeAt: max(known.completeAt ?? asked, asked)))
    }
  }

  private func publish(_ contents: Contents) {
    let former = published.withLock { published in
      let former = published.former + [published.contents]
      published.former = []
      published.contents = contents
      version.add(1, ordering: .releasing)
      return former
    }
    // Freed here, with no lock held that readers take.
    withExtendedLifetime(former) {}
  }

  /// What one event loop asks, and only that. As long as nothing changes it takes no lock and writes nothing that others
  /// read.
  public struct Reader {
    private let list: RevocationList
    private var contents: Contents
    private var version: Int

    public init(_ list: RevocationList) {
      self.list = list
      (contents, version) = list.published.withLock { ($0.contents, list.version.load(ordering: .relaxed)) }
    }

    /// As ``RevocationList/verdict(on:at:)``.
    public mutating func verdict(
      on principal: Principal, at now: @autoclosure () -> ContinuousClock.Instant = .now
    ) -> Verdict {
      if list.version.load(ordering: .acquiring) != version { refresh() }
      return list.verdict(
        of: contents, principal.tokenID, principal.sessionID, principal.subject, principal.epoch, at: now)
    }

    private mutating func refresh() {
      let former = contents
      (contents, version) = list.published.withLock { published in
        published.former.append(former)
        return (published.contents, list.version.load(ordering: .relaxed))
      }
    }
  }
}
