import AuthAPI
import Foundation
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityIdentity
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps this process's blacklist up to date where auth is in another: by its announcements, and by asking whenever
/// they stop or something is missing.
///
/// What auth acknowledged as revoked is refused here within a second, or else everything protected is: a list that
/// was not confirmed for ``maximumAge`` is not relied upon.
struct RevocationFollower: Service {
  static let interval: Duration = .milliseconds(250)
  static let maximumAge: Duration = .seconds(1)
  /// An announcement that is older by the clocks of the two machines confirms nothing; nor does one from the future.
  static let greatestDelay: TimeInterval = 0.4

  let client: EndpointClient
  let instances: InstanceSet
  let registry: any Registry
  let revocations: RevocationList
  let broker: any EventBroker
  let masterKey: MasterKey
  let logger: Logger
  private let progress = Progress()

  init(
    client: EndpointClient, instances: InstanceSet, registry: any Registry, revocations: RevocationList,
    broker: any EventBroker, masterKey: MasterKey, logger: Logger
  ) {
    self.client = client
    self.instances = instances
    self.registry = registry
    self.revocations = revocations
    self.broker = broker
    self.masterKey = masterKey
    self.logger = logger
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await instances.follow(registry) }
        group.addTask { await listen() }
        group.addTask { await ask() }
      }
    }
  }

  private func listen() async {
    for await item in broker.feed(of: [AuthEvents.revocationsAnnounced.name]) {
      guard case .message(let message) = item, let event = try? CloudEvent(json: message.body),
        let announcement = open(event)
      else { continue }
      take(announcement, received: .now, at: Date())
    }
  }

  /// - Returns: nil for what auth did not announce.
  private func open(_ event: CloudEvent) -> RevocationAnnouncement? {
    let decoder = WireFormat.makeDecoder()
    guard let sealed = try? decoder.decode(SealedAnnouncement.self, from: Data(event.data)),
      let mac = Data(base64Encoded: sealed.mac)
    else { return nil }
    let content = Data(sealed.content.utf8)
    let expected = masterKey.authenticationCode(SealedAnnouncement.keyLabel, content)
    guard ConstantTime.areEqual(expected, mac) else { return nil }
    return try? decoder.decode(RevocationAnnouncement.self, from: content)
  }

  /// Entries count whenever they come; only a timely announcement without a gap before it confirms the list.
  func take(_ announcement: RevocationAnnouncement, received: ContinuousClock.Instant, at now: Date) {
    revocations.insert(announcement.feed.items.compactMap(\.revocation))
    let delay = now.timeIntervalSince(announcement.time)
    guard announcement.feed.complete, abs(delay) <= Self.greatestDelay,
      progress.advance(from: announcement.after, to: announcement.feed.next, confirmed: received)
    else { return }
    // The clocks may differ by as much as is allowed, so it may be that much older than it looks.
    revocations.markComplete(asked: received - .seconds(max(0, delay) + Self.greatestDelay))
  }

  private func ask() async {
    var failures = 0
    while !Task.isCancelled {
      let asked = ContinuousClock.now
      guard !progress.isConfirmed(since: asked - Self.interval * 2) else {
        try? await Task.sleep(for: Self.interval)
        continue
      }
      do {
        let feed = try await client(
          AuthAPI.revocations, RevocationQuery(after: progress.next), timeout: .milliseconds(800))
        revocations.insert(feed.items.compactMap(\.revocation))
        progress.reach(feed.next)
        if failures > 0 { logger.notice("revocations are followed again", metadata: ["failures": "\(failures)"]) }
        failures = 0
        guard feed.complete else { continue }
        revocations.markComplete(asked: asked)
      } catch {
        failures += 1
        // Once, not four times a second.
        if failures == 4 { logger.warning("cannot follow revocations", metadata: ["error.message": "\(error)"]) }
      }
      try? await Task.sleep(for: Self.interval)
    }
  }

  /// How far the list is, and when an announcement last said that nothing is missing.
  private final class Progress: Sendable {
    private struct State {
      /// nil until auth was asked once: an announcement alone says nothing of what came before it.
      var next: Int64?
      var confirmedAt: ContinuousClock.Instant?
    }
    private let state = Mutex(State())

    var next: Int64 { state.withLock { $0.next ?? 0 } }
    func reach(_ next: Int64) { state.withLock { $0.next = max($0.next ?? 0, next) } }
    func isConfirmed(since time: ContinuousClock.Instant) -> Bool {
      state.withLock { state in state.confirmedAt.map { $0 >= time } ?? false }
    }

    /// - Returns: false when something before `after` is missing.
    func advance(from after: Int64, to next: Int64, confirmed time: ContinuousClock.Instant) -> Bool {
      state.withLock { state in
        guard let known = state.next, known >= after else { return false }
        state.next = max(known, next)
        state.confirmedAt = time
        return true
      }
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
