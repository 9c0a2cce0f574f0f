public import Foundation
public import GravityContracts

/// What a user prefers, in one namespace.
///
/// - `general`: `locale`, `timezone` (the profile's own, so its ETag is the profile's too) and `theme`: `light`, `dark`
///   or `system`.
/// - `notifications`: for each ``NotificationChannel`` an object with `true` or `false` for each
///   ``NotificationCategory``.
/// - `app.<name>`, the name 1 to 40 of `a–z 0–9 _ -` beginning with a letter: any JSON object of at most 8 192 bytes
///   and five levels; at most 20 of them.
public struct Preference: Codable, Sendable, Hashable, EntityTagged {
  public var namespace: String
  /// With the defaults for what was not set.
  public var value: JSONObject
  /// Counts up with every change; 0 for as long as all is default.
  public var version: Int64
  /// nil for as long as all is default.
  public var updatedAt: Date?

  public init(namespace: String, value: JSONObject, version: Int64, updatedAt: Date?) {
    self.namespace = namespace
    self.value = value
    self.version = version
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case namespace, value, version
    case updatedAt = "updated_at"
  }
}

/// Bounded by the number of namespaces, so it is one page.
public struct PreferenceList: Codable, Sendable, Hashable {
  public var items: [Preference]
  public init(items: [Preference]) { self.items = items }
}

public struct PreferenceName: Codable, Sendable {
  public var namespace: String
  public init(namespace: String) { self.namespace = namespace }
}

public struct PreferenceWrite: Codable, Sendable {
  public var namespace: String
  public var value: JSONObject

  public init(namespace: String, value: JSONObject) {
    self.namespace = namespace
    self.value = value
  }
}

public enum Theme: String, Codable, Sendable, CaseIterable { case light, dark, system }

/// A way to reach a person.
public enum NotificationChannel: String, Codable, Sendable, CaseIterable {
  case email, push, sms
  case inApp = "in_app"
}

/// What a notification is about.
public enum NotificationCategory: String, Codable, Sendable, CaseIterable {
  /// New devices, changed passwords and addresses. Its e-mail cannot be switched off: it is how a theft is noticed.
  case security
  case account, orders, messages, recommendations, marketing
}

/// Which notifications a user wants.
public struct NotificationPreferences: Sendable, Hashable {
  /// What the user set; the rest is ``isOn(_:_:)``'s default.
  public var choices: [NotificationChannel: [NotificationCategory: Bool]]

  public init(choices: [NotificationChannel: [NotificationCategory: Bool]] = [:]) { self.choices = choices }

  public func isOn(_ channel: NotificationChannel, _ category: NotificationCategory) -> Bool {
    choices[channel]?[category] ?? Self.isOnByDefault(channel, category)
  }

  /// Nobody asked for advertising, and a text message costs and disturbs.
  public static func isOnByDefault(_ channel: NotificationChannel, _ category: NotificationCategory) -> Bool {
    switch (channel, category) {
    case (_, .marketing): false
    case (.inApp, _): true
    case (.sms, _): false
    case (.email, .recommendations), (.push, .recommendations): false
    case (.email, _), (.push, _): true
    }
  }
}
