import Foundation
public import GravityContracts
public import GravityDiscovery
import NotificationAPI

/// Has the notification service send: it keeps the message from its 202 on.
///
/// The request's id is the message's, so one that was sent and not answered for leads to nothing more.
public struct RemoteUserNotifier: UserNotifier {
  /// What the client's token has to carry.
  public static let permission: Permission = "notifications:write"

  private let notifications: EndpointClient

  /// - Parameter notifications: With a service token that carries ``permission``.
  public init(notifications: EndpointClient) { self.notifications = notifications }

  public func send(_ message: UserMessage) async throws {
    do {
      _ = try await notifications(
        NotificationAPI.createNotification, Self.request(for: message), idempotencyKey: message.id.lowercased)
    } catch let problem as Problem {
      // Both say that an earlier attempt arrived.
      if ["id_taken", "idempotency_key_reused"].contains(problem.code) { return }
      guard problem.status == 422 || problem.status == 400 else { throw problem }
      let fields = problem.errors?.map { "\($0.field) \($0.message)" }.joined(separator: "; ")
      throw UserMessageRefused(reason: "the notification service refused it: \(fields ?? problem.title)")
    }
  }

  /// What the notification service is asked for.
  static func request(for message: UserMessage) -> NewNotification {
    NewNotification(
      id: message.id, template: message.template, userID: message.account, address: message.address,
      locale: message.locale, data: message.data, expiresAt: message.expiresAt)
  }
}
