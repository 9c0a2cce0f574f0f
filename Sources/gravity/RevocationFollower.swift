import AuthAPI
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityIdentity
import Logging
import ServiceLifecycle

/// Keeps this process's blacklist up to date where auth is in another: by its announcements, and by asking whenever
/// they stop or something is missing.
///
/// What auth acknowledged as revoked is refused here within a second, or else everything protected is: a list that
/// was not confirmed for ``maximumAge`` is not relied upon.
struct RevocationFollower: Service {
  static let interval: Duration = .milliseconds(250)
  static let maximumAge: Duration = .seconds(1)

  let client: EndpointClient
  let instances: InstanceSet
  let registry: any Registry
  let revocations: FollowedRevocations
  let broker: any EventBroker
  let logger: Logger

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
      if case .message(let message) = item { revocations.take(announced: message) }
    }
  }

  private func ask() async {
    var failures = 0
    while !Task.isCancelled {
      let asked = ContinuousClock.now
      guard !revocations.isConfirmed(since: asked - Self.interval * 2) else {
        try? await Task.sleep(for: Self.interval)
        continue
      }
      do {
        let feed = try await client(
          AuthAPI.revocations, RevocationQuery(after: revocations.next), timeout: .milliseconds(800))
        revocations.take(answer: feed, asked: asked)
        if failures > 0 { logger.notice("revocations are followed again", metadata: ["failures": "\(failures)"]) }
        failures = 0
        guard feed.complete else { continue }
      } catch {
        failures += 1
        // Once, not four times a second.
        if failures == 4 { logger.warning("cannot follow revocations", metadata: ["error.message": "\(error)"]) }
      }
      try? await Task.sleep(for: Self.interval)
    }
  }
}
