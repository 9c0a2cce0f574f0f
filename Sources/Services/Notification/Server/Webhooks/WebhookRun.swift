import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity
import Logging
import NotificationAPI

/// Takes deliveries that are due, sends them, and records what became of each.
struct WebhookRun: Sendable {
  let core: NotificationCore
  let envelope: Envelope
  let http: any OutgoingHTTP
  let intake: Intake
  /// 0 to 1, for jitter.
  let chance: @Sendable () -> Double

  /// For one attempt, all in all.
  static let timeout = Duration.seconds(15)
  /// Seconds for which an attempt owns its delivery; more than it can take.
  static let lease: TimeInterval = 60
  /// Seconds after which a webhook that takes nothing is disabled.
  static let patience: TimeInterval = 3 * 86_400

  struct Assignment: Sendable {
    var delivery: WebhookDeliveryRow
    /// nil when it was deleted.
    var webhook: WebhookRow?
  }

  struct Claim: Sendable {
    var assignments: [Assignment] = []
    /// Seconds until the next one is due, when nothing was taken.
    var wait: TimeInterval?
  }

  /// What a secret is sealed for.
  static func context(_ webhook: UUID) -> String { "webhooks/\(webhook.lowercased)" }

  func claim(limit: Int) async throws -> Claim {
    try await core.database.write { [core] transaction in
      try transaction.relax()
      let now = try core.now(transaction)
      let store = WebhookDeliveryStore(transaction)
      let rows = try store.claim(at: now, lease: (now + Self.lease).roundedToMicroseconds, limit: limit)
      guard !rows.isEmpty else {
        return Claim(wait: try store.nextDue(after: now).map { $0.timeIntervalSince(now) })
      }
      let webhooks = Dictionary(
        uniqueKeysWithValues: try WebhookStore(transaction).list(Set(rows.map(\.webhookID))).map { ($0.id, $0) })
      return Claim(assignments: rows.map { Assignment(delivery: $0, webhook: webhooks[$0.webhookID]) })
    }
  }

  // MARK: One attempt

  private enum Outcome {
    case delivered(Int)
    case failed(Int?, String)
    /// It is not tried any more.
    case ended(Int?, reason: String, String)
  }

  /// - Throws: when the outcome could not be recorded; the delivery is claimed again.
  func run(_ assignment: Assignment) async throws {
    let began = ContinuousClock.now
    let outcome = await send(assignment)
    let milliseconds = Int64((ContinuousClock.now - began) / .milliseconds(1))
    try await record(assignment.delivery, outcome, milliseconds)
  }

  private func send(_ assignment: Assignment) async -> Outcome {
    let delivery = assignment.delivery
    guard let webhook = assignment.webhook, webhook.state == .enabled else {
      return .ended(nil, reason: "webhook_disabled", "the webhook is disabled")
    }
    guard delivery.failures < DeliveryLadder.attempts else {
      return .ended(nil, reason: "retries_exhausted", "its attempts never came to an end")
    }
    guard let url = URL(string: webhook.url) else { return .failed(nil, "the URL cannot be used") }
    let now = core.clock.now()
    let secrets: [String]
    do { secrets = try open(webhook, at: now) } catch {
      core.logger.error(
        "a webhook's secret cannot be read",
        metadata: ["webhook.id": "\(webhook.id.lowercased)", "error.message": "\(error)"])
      return .failed(nil, "the secret cannot be read: is it another master key?")
    }
    let body = Array(delivery.body.utf8)
    var headers = WebhookSignature.headers(delivery.id.lowercased, at: now, body: body, secrets: secrets)
    headers["content-type"] = "application/json"
    headers["user-agent"] = "Gravity-Webhooks/1"
    let answer = await http.post(OutgoingRequest(url: url, headers: headers, body: body, timeout: Self.timeout))
    switch answer {
    case .reply(let status, _) where (200..<300).contains(status): return .delivered(status)
    case .reply(410, _): return .ended(410, reason: "gone", "the webhook is gone for good")
    case .reply(let status, _) where (300..<400).contains(status):
      return .failed(status, "it answered with a redirect, which is not followed")
    case .reply(let status, _): return .failed(status, "it answered \(status)")
    case .failed(let reason): return .failed(nil, reason)
    }
  }

  private func open(_ webhook: WebhookRow, at now: Date) throws -> [String] {
    var sealed = [webhook.secret]
    if let former = webhook.formerSecret, let until = webhook.formerUntil, until > now { sealed.append(former) }
    return try sealed.map {
      String(decoding: try envelope.open($0, context: Self.context(webhook.id)), as: UTF8.self)
    }
  }

  // MARK: What became of it

  private func record(_ delivery: WebhookDeliveryRow, _ outcome: Outcome, _ milliseconds: Int64) async throws {
    let delay = DeliveryLadder.delay(after: delivery.failures + 1, chance: chance())
    let disabled = try await core.database.write { [core, intake] transaction -> WebhookRow? in
      try transaction.relax()
      let now = try core.now(transaction)
      var (row, error) = (delivery, String?.none)
      row.dueAt = nil
      switch outcome {
      case .delivered(let status):
        (row.state, row.reason, row.responseStatus, row.deliveredAt) = (.delivered, nil, Int64(status), now)
      case .failed(let status, let text):
        error = text
        row.failures += 1
        row.responseStatus = status.map(Int64.init)
        row.state = delay == nil ? .deadLettered : .queued
        row.reason = delay == nil ? "retries_exhausted" : nil
        row.dueAt = delay.map { (now + $0).roundedToMicroseconds }
      case .ended(let status, let reason, let text):
        error = text
        (row.state, row.reason, row.responseStatus) = (.deadLettered, reason, status.map(Int64.init))
      }
      let store = WebhookDeliveryStore(transaction)
      guard try store.finish(row) else { return nil }
      try store.insertAttempt(
        WebhookAttempt(at: now, responseStatus: row.responseStatus, error: error, milliseconds: milliseconds), row)
      guard let webhook = try Self.judge(row, outcome, transaction, now) else { return nil }
      try core.events.append(
        NotificationEvents.webhookDisabled, subject: webhook.id.lowercased,
        WebhookDisabledEvent(webhookID: webhook.id, reason: webhook.reason ?? ""), in: transaction)
      try intake.tellOfDisabled(webhook, transaction, now)
      return webhook
    }
    guard let disabled else { return }
    core.logger.warning(
      "a webhook is disabled",
      metadata: ["webhook.id": "\(disabled.id.lowercased)", "reason": "\(disabled.reason ?? "")"])
  }

  /// - Returns: the webhook when it was disabled for that.
  private static func judge(
    _ row: WebhookDeliveryRow, _ outcome: Outcome, _ transaction: any Transaction, _ now: Date
  ) throws -> WebhookRow? {
    let store = WebhookStore(transaction)
    switch outcome {
    case .delivered: try store.succeeded(row.webhookID)
    case .failed:
      try store.failed(row.webhookID, at: now)
      return try store.disable(
        row.webhookID, "failing", failingSince: (now - patience).roundedToMicroseconds, at: now)
    case .ended(_, "gone", _): return try store.disable(row.webhookID, "gone", at: now)
    case .ended: break
    }
    return nil
  }
}
