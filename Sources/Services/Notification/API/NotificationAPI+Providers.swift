public import GravityContracts

extension NotificationAPI {
  static let providerEndpoints: [any EndpointDescription] = [providerStatus]

  /// The body is a ``ProviderStatus``, signed as Standard Webhooks has it with the provider's secret. It may come twice,
  /// late and in any order: the first that ends a delivery counts. 503 `not_yet` when the message is still being handed
  /// over: it is to be told again.
  public static let providerStatus = Endpoint<ProviderName, Empty>(
    "receiveProviderStatus", .post, "/api/v1/notifications/providers/{provider}/status", access: .public,
    summary: "For providers of text and push messages: what became of one", success: 204,
    body: .content(types: ["application/json"], limit: 8 << 10),
    problems: ["not_found", "invalid_webhook", "not_yet"])
}

public struct ProviderName: Codable, Sendable {
  public var provider: String
  public init(provider: String) { self.provider = provider }
}

/// What a provider tells of a message that it has taken over.
public struct ProviderStatus: Codable, Sendable, Hashable {
  public enum Status: String, Codable, Sendable, CaseIterable { case delivered, undelivered }

  /// The `id` of our request.
  public var id: String
  public var status: Status
  /// Why it was not delivered: `unregistered` for a device that takes no more, else in the provider's words.
  public var reason: String?

  public init(id: String, status: Status, reason: String? = nil) {
    self.id = id
    self.status = status
    self.reason = reason
  }
}
