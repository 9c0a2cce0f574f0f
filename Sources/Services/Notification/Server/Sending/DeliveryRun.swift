import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import Logging
import NotificationAPI
import ServiceContextModule

/// One go: takes deliveries that are due, writes their messages, hands them over and records what became of them. Two
/// transactions for all of them.
///
/// A go owns its deliveries for as long as it is at work: their lease is renewed until their outcome is recorded, and a
/// go that hangs is given up after ``greatestGo``. A process that dies leaves them to be claimed again when the lease is
/// over. What was handed over by
/// then is handed over again under the same id, by which the channel knows it for the same.
struct DeliveryRun: Sendable {
  let core: NotificationCore
  let library: TemplateLibrary
  let composer: Composer
  let channels: [DeliveryChannel: any Channel]
  let metrics: DeliveryMetrics
  /// 0 to 1, for jitter.
  let chance: @Sendable () -> Double
  /// Waits so long; throws when the go has come to its end.
  var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

  /// Seconds for which a go may keep its deliveries; more than any transport takes.
  static let greatestGo: TimeInterval = 600

  struct Claim: Sendable {
    var assignments: [Assignment] = []
    /// Seconds until the next one is due, when nothing was taken.
    var wait: TimeInterval?
  }

  /// - Parameter channel: Only what goes by it.
  func claim(_ channel: DeliveryChannel? = nil) async throws -> Claim {
    let claim: Claim = try await core.database.write { [core, library] transaction in
      try transaction.relax()
      let now = try core.now(transaction)
      let store = DeliveryStore(transaction)
      let lease = (now + core.configuration.lease).roundedToMicroseconds
      let rows = try store.claim(of: channel, at: now, lease: lease, limit: core.configuration.batch)
      guard !rows.isEmpty else {
        return Claim(wait: try store.nextDue(of: channel).map { max(0, $0.timeIntervalSince(now)) })
      }
      let notifications = Dictionary(
        uniqueKeysWithValues: try NotificationStore(transaction).list(rows.map(\.notificationID)).map { ($0.id, $0) })
      let templates = try library.templates(Set(notifications.values.map(\.template)), in: transaction)
      return Claim(
        assignments: rows.compactMap { row in
          notifications[row.notificationID].map {
            Assignment(
              delivery: row, notification: $0, template: templates[$0.template],
              isExpired: $0.expiresAt.map { $0 <= now } ?? false)
          }
        })
    }
    if !claim.assignments.isEmpty { faultPoint("notification.claimed") }
    return claim
  }

  /// - Throws: when the outcome could not be recorded; the deliveries are claimed again.
  func run(_ claimed: [Assignment]) async throws {
    let assignments = traced(claimed)
    defer { for assignment in assignments { assignment.span?.end() } }
    let fit = assignments.filter { $0.delivery.failures < DeliveryLadder.attempts }
    let (compositions, sent) = try await holding(fit.map(\.delivery)) {
      let compositions = try await decide(fit).map(\.composition)
      return (compositions, await send(zip(fit, compositions).map { $0 }))
    }
    faultPoint("notification.handed_over")
    var results = zip(fit, compositions).map { assignment, composition in
      result(assignment, composition, sent[assignment.delivery.id])
    }
    // As often as it was tried, the process died over it.
    results += assignments.filter { $0.delivery.failures >= DeliveryLadder.attempts }.map {
      var row = $0.delivery
      (row.state, row.reason, row.dueAt) = (.deadLettered, "retries_exhausted", nil)
      return Result(assignment: $0, row: row, message: nil, detail: "its attempts never came to an end", delay: nil)
    }
    try await record(results)
    faultPoint("notification.recorded")
  }

  /// What is to become of them, and nothing else: whoever explains it asks the same.
  func decide(_ assignments: [Assignment], isTraced: Bool = false) async throws -> [Decision] {
    var decisions = try await withoutSuppressed(
      assignments, await composer.compose(assignments, isTraced: isTraced))
    guard isTraced else { return decisions }
    for index in decisions.indices {
      guard case .message = decisions[index].composition else { continue }
      let channel = channels[assignments[index].delivery.channel]
      decisions[index].trace.note(.channel, channel != nil, channel?.route ?? "there is none")
    }
    return decisions
  }

  /// Keeps what is this attempt's from others while `body` is at work.
  private func holding<T: Sendable>(
    _ rows: [DeliveryRow], _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        await renew(rows)
        return nil
      }
      defer { group.cancelAll() }
      while let result = try await group.next() { if let result { return result } }
      throw CancellationError()
    }
  }

  private func renew(_ rows: [DeliveryRow]) async {
    let lease = core.configuration.lease
    guard !rows.isEmpty else { return }
    for _ in 0..<max(0, Int((Self.greatestGo - lease) / (lease / 3))) {
      do { try await pause(.seconds(lease / 3)) } catch { return }
      do {
        try await core.write { transaction, now in
          try DeliveryStore(transaction).renew(rows, until: (now + lease).roundedToMicroseconds)
        }
      } catch {
        guard !Task.isCancelled else { return }
        core.logger.warning(
          "the lease of deliveries cannot be renewed",
          metadata: ["count": "\(rows.count)", "error.message": "\(error)"])
      }
    }
  }

  /// Nothing goes to an address that does not exist. Of those who complained or unsubscribed, nothing but what is
  /// critical. Links to unsubscribe stand in mails, and are about mails.
  private func withoutSuppressed(_ assignments: [Assignment], _ decisions: [Decision]) async throws -> [Decision] {
    let written = zip(assignments, decisions).map { assignment, decision -> Written? in
      guard case .message(let message, _, _) = decision.composition,
        [.email, .sms].contains(assignment.delivery.channel)
      else { return nil }
      let isMail = assignment.delivery.channel == .email
      return (message.recipient, isMail ? composer.reader(of: assignment, message.recipient) : nil)
    }
    let addresses = Set(written.compactMap { $0?.address })
    guard !addresses.isEmpty else { return decisions }
    let readers = Set(written.compactMap { $0?.reader })
    let (suppressed, optOuts) = try await core.read { transaction, _ in
      (
        try SuppressionStore(transaction).suppressed(addresses), try OptOutStore(transaction).all(of: readers)
      )
    }
    return decisions.indices.map { index in
      var decision = decisions[index]
      guard let written = written[index], let template = assignments[index].template else { return decision }
      if let reason = suppressed[SuppressionStore.key(written.address)] {
        let isOver = reason == SuppressionStore.hardBounce || !template.isCritical
        decision.trace.note(.suppression, !isOver, "\(written.address) is suppressed: \(reason)")
        if isOver {
          decision.composition = .suppressed("address_suppressed")
          return decision
        }
      } else {
        decision.trace.note(.suppression, true, "\(written.address) is not suppressed")
      }
      guard let reader = written.reader else { return decision }
      let isOff = optOuts[reader]?.contains(template.category) == true && !template.isCritical
      decision.trace.note(.unsubscription, !isOff, isOff ? "unsubscribed by a link" : "not unsubscribed by a link")
      if isOff { decision.composition = .suppressed("opted_out") }
      return decision
    }
  }

  private typealias Written = (address: String, reader: UnsubscribeLinks.Reader?)

  private func traced(_ assignments: [Assignment]) -> [Assignment] {
    let tracer = ServiceContext.current?.tracer ?? .disabled
    return assignments.map { assignment in
      guard let parent = assignment.notification.traceparent.flatMap({ TraceContext(traceparent: $0) }) else {
        return assignment
      }
      var assignment = assignment
      let span = tracer.span("send \(assignment.notification.template)", kind: .producer, parent: parent)
      span.set("gravity.notification.channel", .string(assignment.delivery.channel.rawValue))
      span.set("gravity.notification.id", .string(assignment.notification.id.lowercased))
      if assignment.delivery.attempt > 1 {
        span.set("gravity.notification.attempt", .int(Int(assignment.delivery.attempt)))
      }
      assignment.span = span
      return assignment
    }
  }

  private func send(_ compositions: [(Assignment, Composition)]) async -> [UUID: SendOutcome] {
    var byChannel: [DeliveryChannel: [ChannelMessage]] = [:]
    for (assignment, composition) in compositions {
      if case .message(let message, _, _) = composition {
        byChannel[assignment.delivery.channel, default: []].append(message)
      }
    }
    return await withTaskGroup(of: [UUID: SendOutcome].self) { group in
      for (kind, messages) in byChannel {
        guard let channel = channels[kind] else { continue }
        group.addTask {
          Dictionary(zip(messages.map(\.id), await channel.send(messages)), uniquingKeysWith: { first, _ in first })
        }
      }
      return await group.reduce(into: [:]) { all, some in all.merge(some) { first, _ in first } }
    }
  }

  // MARK: What became of it

  private struct Result: Sendable {
    var assignment: Assignment
    var row: DeliveryRow
    var message: MessageRow?
    var detail: String?
    /// Whether its address is to be written to no more.
    var endsAddress = false
    /// Seconds until the next attempt.
    var delay: TimeInterval?
  }

  private func result(_ assignment: Assignment, _ composition: Composition, _ outcome: SendOutcome?) -> Result {
    var result = Result(assignment: assignment, row: assignment.delivery)
    result.row.dueAt = nil
    func end(_ state: DeliveryState, _ reason: String?, _ detail: String?) {
      (result.row.state, result.row.reason, result.detail) = (state, reason, detail.map(Self.bounded))
    }
    func fail(_ error: String) {
      result.row.failures += 1
      result.delay = DeliveryLadder.delay(after: result.row.failures, chance: chance())
      end(result.delay == nil ? .deadLettered : .queued, result.delay == nil ? "retries_exhausted" : nil, error)
    }
    switch composition {
    case .suppressed(let reason): end(.suppressed, reason, nil)
    case .failed(let error): fail(error)
    case .hopeless(let reason, let error): end(.deadLettered, reason, error)
    case .message(let message, let kept, let version):
      let written = MessageRow(
        deliveryID: message.id, recipient: message.recipient, content: kept, templateVersion: version)
      switch outcome {
      case .sent:
        end(.sent, nil, nil)
        result.message = written
      case .handedOver(let detail):
        end(.sent, nil, detail)
        result.message = written
      case .bounced(let reply):
        end(.bounced, "rejected", reply)
        result.message = written
      case .noMailbox(let reply):
        end(.bounced, "rejected", reply)
        (result.message, result.endsAddress) = (written, true)
      case .failed(let error): fail(error)
      case nil: fail("there is no channel for \(assignment.delivery.channel.rawValue)")
      }
    }
    return result
  }

  /// An error is for an operator to read, not to be kept whole.
  private static func bounded(_ text: String) -> String { String(text.prefix(500)).filter { $0 != "\0" } }

  private func record(_ results: [Result]) async throws {
    let recorded = try await core.database.write { [core] transaction in
      try transaction.relax()
      let now = try core.now(transaction)
      let done = results.filter { $0.row.state == .sent && $0.detail == nil }
      let sent = try DeliveryStore(transaction).finishSent(done.map(\.row), at: now)
      let rows = try results.map { try record($0, sent, transaction, now, core) }
      try MessageStore(transaction).insert(zip(results, rows).compactMap { $1 == nil ? nil : $0.message }, at: now)
      // A dead letter may be asked for again, and needs them.
      let over = zip(results, rows).filter { result, row in
        result.assignment.template?.hasSecrets == true
          && row.map { ![.queued, .deadLettered].contains($0.state) } == true
      }
      try NotificationStore(transaction).forgetData(over.map { $0.0.assignment.notification.id })
      return rows
    }
    var strays: [DeliveryChannel: [UUID]] = [:]
    for (result, row) in zip(results, recorded) {
      guard let row else {
        // It was taken from this attempt. When that was because its user is to be forgotten, what was just handed
        // over must not stay.
        if result.message != nil { strays[result.row.channel, default: []].append(result.row.id) }
        continue
      }
      metrics.ended(row, since: result.assignment.notification.sendAt)
      result.assignment.span?.set("gravity.notification.state", .string(row.state.rawValue))
      if row.error != nil { result.assignment.span?.fail(row.reason ?? "attempt_failed") }
      log(result, row)
    }
    for (channel, ids) in strays { try await eraseForgotten(ids, channel) }
  }

  private func record(
    _ result: Result, _ sent: Set<UUID>, _ transaction: any Transaction, _ now: Date, _ core: NotificationCore
  ) throws -> DeliveryRow? {
    let store = DeliveryStore(transaction)
    var row = result.row
    row.error = row.state == .sent ? nil : result.detail
    if let delay = result.delay { row.dueAt = (now + delay).roundedToMicroseconds }
    if row.state == .sent { row.sentAt = now }
    if row.state == .sent, result.detail == nil {
      guard sent.contains(row.id) else { return nil }
    } else {
      row.steps += 1
      guard try store.finish(row) else { return nil }
      try store.insertStep(row, result.detail, at: now)
      if result.endsAddress, let message = result.message {
        try SuppressionStore(transaction).insert(
          message.recipient, SuppressionStore.hardBounce, delivery: row.id, user: result.assignment.notification.userID,
          at: now)
      }
    }
    // That it is tried again is no news.
    if row.state != .queued {
      try core.events.record(row, template: result.assignment.notification.template, in: transaction)
    }
    return row
  }

  private func eraseForgotten(_ ids: [UUID], _ channel: DeliveryChannel) async throws {
    let forgotten: [UUID] = try await core.database.rows(
      "SELECT id FROM deliveries WHERE id IN \(list: ids) AND state = 'suppressed'"
    ).map { try $0.get(0) }
    if !forgotten.isEmpty { try await channels[channel]?.erase(forgotten) }
  }

  private func log(_ result: Result, _ row: DeliveryRow) {
    guard row.state != .sent, row.state != .suppressed else { return }
    core.logger.log(
      level: row.state == .deadLettered ? .error : .warning, "a message was not sent",
      metadata: [
        "notification.id": "\(row.notificationID.lowercased)", "delivery.id": "\(row.id.lowercased)",
        "state": "\(row.state.rawValue)", "reason": "\(row.reason ?? "")", "attempt": "\(row.attempt)",
      ])
  }
}
