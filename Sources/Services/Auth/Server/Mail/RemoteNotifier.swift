public import Foundation
public import GravityContracts
public import GravityDiscovery
import NotificationAPI

/// Has the notification service send: it keeps the message from its 202 on, and writes it with the template
/// `auth.<kind>`.
///
/// The request's id is the message's, so one that was sent and not answered for leads to nothing more. The token is in
/// the request and in the mail; the notification service shows it to nobody.
public struct RemoteNotifier: Notifier {
  /// What the client's token has to carry.
  public static let permission: Permission = "notifications:write"

  private let notifications: EndpointClient
  private let timeout: Duration
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - notifications: With a service token that carries ``permission``.
  ///   - timeout: For one message; eight of them have to fit into the lease of a claim.
  public init(
    notifications: EndpointClient, timeout: Duration = .seconds(5), now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.notifications = notifications
    self.timeout = timeout
    self.now = now
  }

  public func send(_ message: AuthMessage) async throws {
    do {
      _ = try await notifications(
        NotificationAPI.createNotification, Self.request(for: message, now: now()), timeout: timeout,
        idempotencyKey: message.id.lowercased)
    } catch let problem as Problem {
      // Both say that an earlier attempt arrived, with the token of that attempt, which is as good.
      if ["id_taken", "idempotency_key_reused"].contains(problem.code) { return }
      if problem.status == 422 || problem.status == 400 {
        let fields = problem.errors?.map { "\($0.field) \($0.message)" }.joined(separator: "; ")
        throw MessageRefused(reason: "the notification service refused it: \(fields ?? problem.title)")
      }
      throw problem
    }
  }

  /// What the notification service is asked for.
  static func request(for message: AuthMessage, now: Date) -> NewNotification {
    var auth: [String: JSONValue] = [:]
    if let token = message.token { auth["token"] = .string(token) }
    if let contact = message.contact { auth["contact"] = .string(contact) }
    if let expiresAt = message.expiresAt {
      let minutes = max(1, Int64((expiresAt.timeIntervalSince(now) / 60).rounded()))
      if minutes >= 120 { auth["hours"] = .integer(minutes / 60) } else { auth["minutes"] = .integer(minutes) }
    }
    let name = String(
      String.UnicodeScalarView(message.name.unicodeScalars.filter { $0.properties.generalCategory != .control })
    ).prefix(200)
    return NewNotification(
      id: message.id, template: "auth.\(message.kind.rawValue)", userID: message.account, address: message.email,
      name: name.isEmpty ? nil : String(name), data: JSONObject(["auth": .object(auth)]),
      about: message.account?.lowercased, expiresAt: message.expiresAt)
  }
}
