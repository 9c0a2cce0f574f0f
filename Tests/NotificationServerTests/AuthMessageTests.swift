import Foundation
import GravityContracts
import NotificationAPI
import Testbed
import Testing
@testable import AuthServer
@testable import NotificationServer

@Suite struct AuthMessageTests {
  @Test(
    "each message of auth has a template in two languages that its request fits", arguments: AuthMessage.Kind.allCases)
  func templates(_ kind: AuthMessage.Kind) async throws {
    try await NotificationFixture.run(on: Engine.available[0]) { notes in
      let user = notes.recipients.add("ada@example.org", locale: "de")
      let hasToken = [.verification, .recovery, .emailChange].contains(kind)
      let hasContact = [
        .emailReplaced, .secondFactorRemoved, .recoveryCodeUsed, .passkeyAdded, .passkeyRemoved, .identityLinked,
        .apiKeyCreated,
      ].contains(kind)
      let message = AuthMessage(
        id: OrderedIDs.next(), kind: kind, email: "new@example.org", name: "Ada", token: hasToken ? "t0k3n-0123" : nil,
        expiresAt: hasToken ? notes.clock.now + 86_400 : nil,
        contact: hasContact ? "help@example.org" : nil,
        account: user)
      let request = RemoteNotifier.request(for: message, now: notes.clock.now)
      let fields = try JSONSerialization.jsonObject(with: WireFormat.makeEncoder().encode(request)) as? [String: Any]
      let made = try await notes.notify(try #require(fields), token: FakeVerifier.token(RemoteNotifier.permission))
      #expect(made.status == 202)
      try await notes.deliver()
      let sent = try #require(try await notes.outbox().first)
      #expect(sent.locale == "de" && sent.recipient == "new@example.org" && sent.body.contains("Guten Tag Ada,"))
      #expect(sent.body.contains("24 Stunden") == hasToken)
      if hasContact { #expect(sent.body.contains("help@example.org")) }
    }
  }
}
