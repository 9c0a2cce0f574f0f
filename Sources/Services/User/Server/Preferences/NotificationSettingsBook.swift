import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import UserAPI

/// What the notification service asks about users, and has changed for those who unsubscribed.
struct NotificationSettingsBook: Sendable {
  let core: UserCore

  func find(_ id: UUID) async throws -> NotificationSettings {
    try await core.read { [core] transaction, _ in
      guard let row = try UserStore(transaction).find(id), row.erasedAt == nil else { throw Problem.notFound("user") }
      let profile = row.profile(core.configuration)
      let kept = try PreferenceStore(transaction).find(PreferenceNamespace.notifications.name, of: id)
      return NotificationSettings(
        locale: profile.locale, timezone: profile.timezone, phone: profile.phone,
        choices: NotificationPreferences(kept?.value ?? [:]).complete)
    }
  }

  /// Also for users who are suspended or about to be erased: nobody is told more for that.
  func switchOff(_ request: NotificationSwitchOff) async throws {
    guard (request.channel, request.category) != (.email, .security) else {
      throw Problem.invalid("category", "required", "cannot be switched off")
    }
    let id = request.id
    try await core.write(of: id) { [core] transaction, now in
      guard let row = try UserStore(transaction).find(id), row.erasedAt == nil else { throw Problem.notFound("user") }
      let store = PreferenceStore(transaction)
      var preferences = NotificationPreferences(
        try store.find(PreferenceNamespace.notifications.name, of: id)?.value ?? [:])
      guard preferences.isOn(request.channel, request.category) else { return }
      preferences.choices[request.channel, default: [:]][request.category] = false
      let version = try UserStore(transaction).advancePreferenceVersion(of: id)
      try store.put(PreferenceNamespace.notifications.name, preferences.object, version: version, of: id, at: now)
      try core.events.record(
        .preferencesChanged(user: id, namespace: PreferenceNamespace.notifications.family), in: transaction)
    }
  }
}

extension UserService {
  /// Decodes, calls, encodes; nothing else.
  func bindNotificationSettings(_ routes: inout Routes) {
    let settings = NotificationSettingsBook(core: core)
    routes.on(UserAPI.notificationSettings) { request, _ in try await settings.find(request.id) }
    routes.on(UserAPI.switchOffNotifications) { request, _ in
      try await settings.switchOff(request)
      return Empty()
    }
  }
}
