import AuthAPI
import GravityDiscovery
import GravityIdentity
import Logging
import ServiceLifecycle

/// Keeps a gateway's blacklist up to date where auth is in another process: by asking, four times a second, until
/// events carry it.
///
/// What auth acknowledged as revoked is refused here within a second, or else everything protected is: a list that
/// was not confirmed for ``maximumAge`` is not relied upon.
struct RevocationFollower: Service {
  static let interval: Duration = .milliseconds(250)
  static let maximumAge: Duration = .seconds(1)

  let client: EndpointClient
  let instances: InstanceSet
  let registry: any Registry
  let revocations: RevocationList
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await instances.follow(registry) }
        group.addTask { await follow() }
      }
    }
  }

  private func follow() async {
    var (next, failures) = (Int64(0), 0)
    while !Task.isCancelled {
      let asked = ContinuousClock.now
      do {
        let feed = try await client(AuthAPI.revocations, RevocationQuery(after: next), timeout: .milliseconds(800))
        revocations.insert(feed.items.compactMap(\.revocation))
        next = feed.next
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
