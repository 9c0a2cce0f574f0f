import Foundation
import GravityContracts
import NotificationAPI
import Testbed
import Testing
@testable import NotificationServer
@testable import UserServer

@Suite struct UserMessageTests {
  @Test(
    "each message of the user service has a template in two languages that its request fits",
    arguments: ["team.invite", "export.ready"], [true, false])
  func templates(_ template: String, _ hasAll: Bool) async throws {
    try await NotificationFixture.run(on: Engine.available[0]) { notes in
      let user = notes.recipients.add("ada@example.org", locale: "de")
      var details: [String: JSONValue] = ["days": .integer(6)]
      if template == "team.invite" {
        details["team"] = "Küche & <Co>"
        details["token"] = "t0k3n-0123"
        if hasAll { details["inviter"] = "Olive" }
      } else if hasAll {
        details["link"] = "https://gravity.example/api/v1/exports/link?token=t0k3n-0123"
      }
      let message = UserMessage(
        id: OrderedIDs.next(), template: template, address: template == "team.invite" ? "new@example.org" : nil,
        account: user, locale: nil,
        data: JSONObject([template == "team.invite" ? "invite" : "export": .object(details)]),
        expiresAt: notes.clock.now + 6 * 86_400)
      let request = RemoteUserNotifier.request(for: message)
      let fields = try JSONSerialization.jsonObject(with: WireFormat.makeEncoder().encode(request)) as? [String: Any]
      let made = try await notes.notify(
        try #require(fields), token: FakeVerifier.token(RemoteUserNotifier.permission))
      #expect(made.status == 202, "\(made.text)")
      try await notes.deliver()
      let sent = try #require(try await notes.outbox().first)
      #expect(sent.locale == "de" && sent.body.contains("Guten Tag"))
      #expect(sent.recipient == (message.address ?? "ada@example.org"))
      #expect(sent.body.contains("6 Tage"))
      #expect(!sent.body.contains("t0k3n"), "the outbox shows dots")
      if template == "team.invite" {
        #expect(sent.body.contains(hasAll ? "Olive lädt" : "jemand lädt") && sent.body.contains("„Küche & <Co>“"))
      } else {
        #expect(sent.body.contains("Melden Sie sich an, um") == !hasAll)
      }
    }
  }
}
