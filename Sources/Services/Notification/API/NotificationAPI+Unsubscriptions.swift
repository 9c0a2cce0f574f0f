public import GravityContracts

extension NotificationAPI {
  static let unsubscriptionEndpoints: [any EndpointDescription] = [unsubscriptionPage, unsubscribe]

  private static let page = "text/html; charset=utf-8"

  /// Where `List-Unsubscribe` leads people. Programs that look at every link change nothing by it (RFC 8058 §1).
  public static let unsubscriptionPage = Endpoint<UnsubscriptionToken, Content>(
    "unsubscriptionPage", .get, "/api/v1/notification-unsubscriptions/{token}", access: .public,
    summary: "A page that asks whether one wants such mails no more", otherSuccess: [404], produces: page)

  /// What a mail program (RFC 8058 §3.2) or the page sends.
  public static let unsubscribe = Endpoint<UnsubscriptionToken, Content>(
    "unsubscribe", .post, "/api/v1/notification-unsubscriptions/{token}", access: .public,
    summary: "Send no more mails of that category to whom the token is for", otherSuccess: [404],
    body: .content(types: ["application/x-www-form-urlencoded", "multipart/form-data"], limit: 8 << 10),
    produces: page)
}

public struct UnsubscriptionToken: Codable, Sendable {
  public var token: String
  public init(token: String) { self.token = token }
}

/// What a message is about: what people switch off.
public enum MessageCategory: String, Codable, Sendable, CaseIterable {
  /// How a theft is noticed and an account got back. Critical: it cannot be switched off.
  case security
  case account, orders, messages, recommendations, marketing
}
