public import Foundation
public import GravityContracts

// MARK: - What the notification service asks

extension UserAPI {
  static let notificationEndpoints: [any EndpointDescription] = [notificationSettings, switchOffNotifications]

  public static let notificationSettings = Endpoint<UserID, NotificationSettings>(
    "notificationSettings", .get, "/api/v1/users/{id}/notification-settings", access: .service,
    summary: "How a user is told things, and which", problems: ["not_found"])

  /// A user who unsubscribed by the link in a message, without signing in. Switched off already, it stays so.
  public static let switchOffNotifications = Endpoint<NotificationSwitchOff, Empty>(
    "switchOffNotifications", .post, "/api/v1/users/{id}/notification-settings/switch-off", access: .service,
    summary: "Switch a category off in a channel for a user", problems: ["not_found"])
}

public struct NotificationSettings: Codable, Sendable, Hashable {
  /// A BCP 47 language tag.
  public var locale: String
  /// A name of the IANA time zone database.
  public var timezone: String
  /// E.164.
  public var phone: String?
  /// As in the namespace `notifications`, with the defaults.
  public var choices: JSONObject

  public init(locale: String, timezone: String, phone: String?, choices: JSONObject) {
    self.locale = locale
    self.timezone = timezone
    self.phone = phone
    self.choices = choices
  }
}

public struct NotificationSwitchOff: Codable, Sendable {
  public var id: UUID
  public var channel: NotificationChannel
  /// Not security by e-mail, which cannot be switched off.
  public var category: NotificationCategory

  public init(id: UUID, channel: NotificationChannel, category: NotificationCategory) {
    self.id = id
    self.channel = channel
    self.category = category
  }
}

extension NotificationPreferences {
  /// From what a service tells; what this build does not know, a newer one wrote.
  public init(_ choices: JSONObject) {
    self.init()
    for channel in NotificationChannel.allCases {
      guard case .object(let categories)? = choices.members[channel.rawValue] else { continue }
      for category in NotificationCategory.allCases {
        guard case .bool(let isOn)? = categories[category.rawValue] else { continue }
        self.choices[channel, default: [:]][category] = isOn
      }
    }
  }
}
