public import Foundation
import GravityContracts
import GravityData

/// What providers tell by themselves. A delivery is only a hint to ask: so it may come twice, late or in any order.
public struct Webhooks: Sendable {
  let reconciler: Reconciler

  /// - Parameter signature: the header's value.
  /// - Returns: false when it is about nothing that was ever asked for.
  /// - Throws: `Problem` 400 `invalid_webhook`; 404 when the provider is not the one that is used, or has no secret.
  @discardableResult
  public func receive(_ body: Data, signature: String, from provider: String) async throws -> Bool {
    let core = reconciler.core
    guard provider == core.provider.name, let secrets = core.configuration.webhookSecrets[provider], !secrets.isEmpty
    else { throw Problem.notFound("provider") }
    let notice: ProviderNotice
    do {
      notice = try core.provider.webhook(
        WebhookDelivery(body: body, signature: signature, secrets: secrets, now: core.clock.now()))
    } catch let refusal as WebhookRefusal {
      throw Problem(refusal)
    }
    return try await reconciler.reconcile(key: notice.key)
  }
}

extension Problem {
  /// 400: why a delivery is not believed, for whoever sets the provider up.
  init(_ refusal: WebhookRefusal) {
    let detail =
      switch refusal {
      case .malformedSignature:
        "\(WebhookSignature.field) is missing or malformed: send t=SECONDS,v1=HEX, the HMAC-SHA256 of SECONDS.BODY."
      case .wrongSignature: "No key of ours has signed these bytes: compare the signing secret on both sides."
      case .outsideTolerance:
        "It was signed more than \(Int(WebhookSignature.tolerance)) seconds ago, or from now: sign it anew, and set the clock."
      case .malformedBody: "The body is none of this provider's events."
      }
    self.init(400, "invalid_webhook", "The webhook is not believed", detail: detail)
  }
}
