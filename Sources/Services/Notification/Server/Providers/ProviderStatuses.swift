import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import NotificationAPI

/// What providers tell of messages that they have taken over.
struct ProviderStatuses: Sendable {
  let core: NotificationCore
  let providers: [MessageProvider]

  /// - Parameter header: Of the request.
  /// - Throws: `Problem` 404 for a provider or a message that is not known, 400 `invalid_webhook` for what it has not
  ///   signed, 503 `not_yet`.
  func receive(_ body: Data, from name: String, _ header: (String) -> String?) async throws {
    let named = providers.filter { $0.name == name }
    guard !named.isEmpty else { throw Problem.notFound("provider") }
    guard
      WebhookSignature.isGood(header, body: body, secrets: named.map(\.secret), at: core.clock.now())
    else {
      throw Problem(
        400, "invalid_webhook", "The report is not believed",
        detail: "Sign webhook-id.webhook-timestamp.body with the provider's secret as Standard Webhooks has it, within "
          + "\(Int(WebhookSignature.tolerance)) seconds of our clock.")
    }
    let report = try StrictJSON.decode(ProviderStatus.self, from: body)
    guard let ids = ProviderRequest.ids(report.id) else { throw Problem.notFound("message") }
    let channels = Set(named.map(\.channel))
    try await core.write { [core] transaction, now in
      let store = DeliveryStore(transaction)
      guard let row = try store.find(ids.delivery), channels.contains(row.channel),
        (ids.device != nil) == (row.channel == .push)
      else { throw Problem.notFound("message") }
      guard ![.queued, .sending].contains(row.state) else {
        throw Problem(
          503, "not_yet", "The message is still being handed over", detail: "Tell it again.", retryAfter: 10)
      }
      if report.status == .undelivered, let device = ids.device {
        if report.reason == "unregistered" { _ = try DeviceStore(transaction).delete(device) }
        // Another of the user's devices may have shown it.
        return
      }
      let state = report.status == .delivered ? DeliveryState.delivered : .undelivered
      let reason = report.status == .delivered ? nil : "undelivered"
      guard let ended = try store.conclude(ids.delivery, row.channel, state, reason) else { return }
      let words = report.reason.map { String($0.prefix(300)).filter { $0 != "\0" } }
      try store.insertStep(ended, words, at: now)
      let template = try NotificationStore(transaction).find(ended.notificationID)?.template
      try core.events.record(ended, template: template ?? "", in: transaction)
    }
  }
}

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bindProviders(_ routes: inout Routes) {
    let statuses = statuses
    routes.on(NotificationAPI.providerStatus) { request, scope in
      try await statuses.receive(scope.content?.bytes ?? Data(), from: request.provider) { scope.header($0) }
      return Empty()
    }
  }
}
