import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity
import Logging

/// Tells every gateway what was revoked, at once, and several times a second that nothing was.
///
/// It goes past the outbox: what is late here is worth nothing, and what was missed a gateway asks for.
struct RevocationAnnouncer: Sendable {
  /// Under the half second after which a gateway asks by itself.
  static let interval: Duration = .milliseconds(250)
  /// More go by number only; gateways ask for them.
  static let greatestCount = 200

  let core: AuthCore
  let revocations: Revocations
  let broker: any EventBroker

  func run() async {
    let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in core.database.notifications(on: RevocationStore.channel) { changed.yield() }
      }
      group.addTask {
        while !Task.isCancelled {
          changed.yield()
          try? await Task.sleep(for: Self.interval)
        }
        changed.finish()
      }
      group.addTask { await announce(at: changes) }
    }
  }

  private func announce(at changes: AsyncStream<Void>) async {
    // Where this instance begins; nobody needs older ones from it.
    var announced: Int64?
    var failures = 0
    for await _ in changes {
      do {
        announced = try await announce(after: announced)
        if failures >= 4 {
          core.logger.notice("revocations are announced again", metadata: ["failures": "\(failures)"])
        }
        failures = 0
      } catch is CancellationError {} catch {
        failures += 1
        // Once, not four times a second.
        if failures == 4 {
          core.logger.warning("cannot announce revocations", metadata: ["error.message": "\(error)"])
        }
      }
    }
  }

  /// - Returns: up to which entry everything has been announced.
  func announce(after announced: Int64?) async throws -> Int64 {
    let time = Date()
    let page: Revocations.Page
    if let announced {
      page = try await revocations.feed(after: announced)
    } else {
      let last = try await core.read { transaction, _ in try RevocationStore(transaction).last() }
      page = Revocations.Page(revocations: [], next: last, isComplete: true)
    }
    var feed = RevocationFeed(page)
    if feed.items.count > Self.greatestCount { (feed.items, feed.complete) = ([], false) }
    let announcement = RevocationAnnouncement(time: time, after: announced ?? page.next, feed: feed)
    let content = try WireFormat.makeEncoder().encode(announcement)
    let sealed = SealedAnnouncement(
      content: String(decoding: content, as: UTF8.self),
      mac: Data(core.masterKey.authenticationCode(SealedAnnouncement.keyLabel, content)).base64EncodedString())
    try await broker.announce(
      CloudEvent(
        id: core.newID(), source: "/\(AuthAPI.service)", type: AuthEvents.revocationsAnnounced.name, subject: nil,
        time: time, sequence: 0, traceparent: nil,
        data: Array(try WireFormat.makeEncoder().encode(sealed))
      ).message)
    return page.next
  }
}
