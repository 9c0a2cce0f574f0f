public import Foundation
import GravityContracts

/// What providers tell by themselves. A delivery is only a hint to ask: so it may come twice, late or in any order.
public struct Webhooks: Sendable {
  let reconciler: Reconciler

  /// - Parameter signature: the header's value.
  /// - Returns: false when it is about nothing that was ever asked for.
  /// - Throws: ``WebhookRefusal``; `Problem` 404 when the provider is not the one that is used, or has no secret.
  @discardableResult
  public func receive(_ body: Data, signature: String, from provider: String) async throws -> Bool {
    let core = reconciler.core
    guard provider == core.provider.name, let secrets = core.configuration.webhookSecrets[provider], !secrets.isEmpty
    else { throw Problem.notFound("provider") }
    let notice = try core.provider.webhook(
      WebhookDelivery(body: body, signature: signature, secrets: secrets, now: core.clock.now()))
    return try await reconciler.reconcile(key: notice.key)
  }
}
