import Foundation
import GravityData
import GravityIdentity
import Logging
import ServiceLifecycle

/// What the service does by itself: follow revocations of other instances, send mail, rotate keys, delete what expired.
struct Maintenance: Service {
  let core: AuthCore
  let keys: SigningKeys
  let revocations: Revocations
  let mail: MailQueue
  var files: MailFiles?
  var announcer: RevocationAnnouncer?

  /// Rows of one kind that are deleted in one transaction.
  private static let batch = 500
  /// Seconds for which an ended session is kept, so that its stolen tokens are still known as such.
  private static let sessionMemory: TimeInterval = 7 * 86_400

  /// Seconds for which a device code that expired is kept, so that its device is told that.
  private static let deviceMemory: TimeInterval = 3600

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await repeating(every: .milliseconds(500), "follow revocations") { try await revocations.follow() }
        }
        group.addTask { await repeating(every: .seconds(30), "maintain signing keys") { try await keys.maintain() } }
        group.addTask { await repeating(every: .seconds(60), "delete what expired") { try await sweep() } }
        group.addTask { await sendMail() }
        if let announcer { group.addTask { await announcer.run() } }
      }
    }
  }

  /// Deletes what expired, in short transactions.
  func sweep() async throws {
    let batch = Self.batch
    let steps: [@Sendable (any Transaction, Date) throws -> Int] = [
      { try SessionStore($0).deleteEnded(before: $1 - Self.sessionMemory, limit: batch) },
      { try RevocationStore($0).deleteExpired(now: $1, limit: batch) },
      { try AttemptStore($0).deleteExpired(now: $1, limit: batch) },
      { try OneTimeTokenStore($0).deleteExpired(now: $1, limit: batch) },
      { [core] in try MailQueue.bury($0, $1, limit: batch, core.logger) },
      { try MailRequestStore($0).deleteExpired(now: $1, limit: batch) },
      { try AuthorizationCodeStore($0).deleteExpired(before: $1 - Self.sessionMemory, limit: batch) },
      { try SecondFactorStore($0).deleteExpired(now: $1, limit: batch) },
      { try ChallengeStore($0).deleteExpired(now: $1, limit: batch) },
      { try ProviderVisitStore($0).deleteExpired(now: $1, limit: batch) },
      { try PasskeyChallengeStore($0).deleteExpired(now: $1, limit: batch) },
      { try DeviceStore($0).deleteExpired(before: $1 - Self.deviceMemory, limit: batch) },
      { try APIKeyStore($0).deleteExpired(now: $1, limit: batch) },
      { try ClientSecretStore($0).deleteExpiredAssertions(now: $1, limit: batch) },
    ]
    for step in steps {
      while try await core.write(step) >= batch { try Task.checkCancellation() }
    }
    while try await core.database.expireIdempotencyKeys(limit: batch) >= batch { try Task.checkCancellation() }
    _ = try await files?.tidy(now: core.clock.now()) { accounts in
      try await core.read { transaction, _ in try AccountStore(transaction).deleted(of: accounts) }
    }
  }

  /// At once when something is asked for, and every five seconds for what is due again.
  private func sendMail() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await repeating(every: .seconds(5), "send mail") { try await mail.deliverDue() } }
      group.addTask {
        for await _ in core.database.notifications(on: MailRequestStore.channel) {
          await attempt("send mail") { while try await mail.deliverDue() > 0 {} }
        }
      }
    }
  }

  private func repeating(
    every interval: Duration, _ what: String, _ body: @Sendable () async throws -> some Sendable
  ) async {
    while !Task.isCancelled {
      await attempt(what, body)
      try? await Task.sleep(for: interval)
    }
  }

  /// A failure is for the log; the next turn tries again.
  private func attempt(_ what: String, _ body: @Sendable () async throws -> some Sendable) async {
    do { _ = try await body() } catch is CancellationError {} catch {
      core.logger.warning("cannot \(what)", metadata: ["error.message": "\(error)"])
    }
  }
}
