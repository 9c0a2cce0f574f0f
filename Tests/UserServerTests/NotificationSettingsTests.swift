import Foundation
import GravityContracts
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct NotificationSettingsTests {
  @Test(
    "the notification service reads what a user wants, and switches off what they unsubscribed from",
    arguments: Engine.available)
  func settings(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let person = users.person("ada@example.org")
      let user = try await users.me(person).value.id
      let path = "/api/v1/users/\(user.lowercased)/notification-settings"
      let before = try await users.send(UserAPI.notificationSettings, path, token: FakeVerifier.serviceToken)
      #expect(before.status == 200)
      #expect(NotificationPreferences(try before.value.choices).isOn(.email, .orders))
      let off: [String: Any] = ["channel": "email", "category": "orders"]
      for _ in 0..<2 {
        #expect(
          try await users.send(
            UserAPI.switchOffNotifications, path + "/switch-off", off, token: FakeVerifier.serviceToken
          ).status == 204)
      }
      let after = try await users.send(UserAPI.notificationSettings, path, token: FakeVerifier.serviceToken)
      #expect(!NotificationPreferences(try after.value.choices).isOn(.email, .orders))
      #expect(NotificationPreferences(try after.value.choices).isOn(.email, .account))
      #expect(try await users.changes(of: user).filter { $0 == "preferences notifications" }.count == 1)
      let refused = try await users.send(
        UserAPI.switchOffNotifications, path + "/switch-off", ["channel": "email", "category": "security"],
        token: FakeVerifier.serviceToken)
      #expect(refused.status == 422 && refused.fields == ["category"])
    }
  }

  @Test("it is for services, and of nobody who is not there", arguments: [Engine.available[0]])
  func access(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let person = users.person("ada@example.org")
      let user = try await users.me(person).value.id
      let path = "/api/v1/users/\(user.lowercased)/notification-settings"
      #expect(
        try await users.send(UserAPI.notificationSettings, path, token: FakeVerifier.token(user, ["*:*"])).status == 403
      )
      let nobody = "/api/v1/users/\(UUID.v7().lowercased)/notification-settings"
      #expect(
        try await users.send(UserAPI.notificationSettings, nobody, token: FakeVerifier.serviceToken).status == 404)
    }
  }
}
