import Foundation
import GravityContracts
import HTTPTypes
import HummingbirdTesting
import NIOCore
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct WebhookTests {
  private static let secret = "whsec_0123456789abcdef"
  private static let body = Data(#"{"key":"k"}"#.utf8)
  private static let time = Date(timeIntervalSince1970: 1_700_000_000)
  /// Made with Python's hmac.
  private static let code = "e92f2919ae9b238cd68526ddd9101405efbeca8ed695853cadb7fb8a2ad06d95"

  private static func verify(
    _ signature: String, body: Data = body, secrets: [String] = [secret], after seconds: TimeInterval = 0
  ) -> WebhookRefusal? {
    do throws(WebhookRefusal) {
      try WebhookSignature.verify(
        WebhookDelivery(body: body, signature: signature, secrets: secrets, now: time.addingTimeInterval(seconds)))
      return nil
    } catch {
      return error
    }
  }

  @Test("a signature is good for its body, its key and 300 seconds")
  func signatures() {
    let good = "t=1700000000,v1=\(Self.code)"
    #expect(WebhookSignature.header(for: Self.body, at: Self.time, secret: Self.secret) == good)
    #expect(Self.verify(good) == nil)
    #expect(Self.verify(good, secrets: ["whsec_another_of_them", Self.secret]) == nil, "while keys change")
    #expect(Self.verify("t=1700000000,v1=\(String(repeating: "0", count: 64)),v1=\(Self.code),v0=x") == nil)
    #expect(Self.verify(good.uppercased().replacing("T=", with: "t=").replacing("V1=", with: "v1=")) == nil)
    for seconds in [300, -300] as [TimeInterval] { #expect(Self.verify(good, after: seconds) == nil) }
    for seconds in [301, -301] as [TimeInterval] {
      #expect(Self.verify(good, after: seconds) == .outsideTolerance)
    }
    #expect(Self.verify(good, body: Self.body + [0x20]) == .wrongSignature)
    #expect(Self.verify(good, secrets: ["whsec_another_of_them"]) == .wrongSignature)
    #expect(Self.verify(good, secrets: []) == .wrongSignature)
    #expect(Self.verify("t=1700000001,v1=\(Self.code)") == .wrongSignature, "the time is signed too")
    for bad in [
      "", "t=1700000000", "v1=\(Self.code)", "t=x,v1=\(Self.code)", "t", "t=1,v1=zz",
      "t=1700000000,v1=\(Self.code.dropLast())",
    ] {
      #expect(Self.verify(bad) == .malformedSignature, "\(bad)")
    }
    #expect(Self.verify(String(repeating: "v1=0,", count: 2_000)) == .malformedSignature)
  }

  @Test("a notice is a hint to ask: it may come twice, late and for what is not known", arguments: Engine.available)
  func notices(_ engine: Engine) async throws {
    let configure: @Sendable (inout PaymentConfiguration) -> Void = { $0.webhookSecrets = ["simulator": [Self.secret]] }
    try await PaymentFixture.run(on: engine, configure) { payments in
      func tell(_ key: String) async throws -> Bool {
        let body = Data(#"{"key":"\#(key)"}"#.utf8)
        let signature = WebhookSignature.header(for: body, at: payments.clock.now, secret: Self.secret)
        return try await payments.service.webhooks.receive(body, signature: signature, from: "simulator")
      }
      let lost = try await payments.create("pm_sim_timeout").value.id
      let key = try await payments.attempts(lost)[0].key
      for _ in 0..<3 { #expect(try await tell(key)) }
      #expect(try await payments.row(lost).stage == .authorized)
      #expect(try await tell("nobody's") == false)
      // The payer was at the bank, and only the provider knows.
      let challenged = try await payments.create("pm_sim_requires_action").value.id
      let challenge = try await payments.attempts(challenged)[0].key
      #expect(try await tell(challenge))
      #expect(try await payments.row(challenged).stage == .requiresAction, "not done yet")
      _ = try await payments.provider.completeAction(key: challenge, succeeds: true)
      for _ in 0..<2 { #expect(try await tell(challenge)) }
      #expect(try await payments.row(challenged).stage == .authorized)
      #expect(try await payments.events(of: challenged).last == "payment.authorized")
    }
  }

  @Test("a provider is heard at its path, by its signature and without a token", arguments: Engine.available)
  func path(_ engine: Engine) async throws {
    let configure: @Sendable (inout PaymentConfiguration) -> Void = { $0.webhookSecrets = ["simulator": [Self.secret]] }
    try await PaymentFixture.run(on: engine, configure) { payments in
      func post(
        _ body: String, _ provider: String = "simulator", type: String = "application/json", signature: String? = nil
      ) async throws -> Reply<Empty> {
        let signed = WebhookSignature.header(for: Data(body.utf8), at: payments.clock.now, secret: Self.secret)
        return Reply(
          try await payments.client.execute(
            uri: "/api/v1/payments/webhooks/\(provider)", method: .post,
            headers: [
              .contentType: type, HTTPField.Name(WebhookSignature.field)!: signature ?? signed,
            ], body: ByteBuffer(string: body)))
      }
      let lost = try await payments.create("pm_sim_timeout").value.id
      // Spaces and order are signed, too: the bytes have to come through as they are.
      let news = "{ \"more\": [1, 2],  \"key\": \"\(try await payments.attempts(lost)[0].key)\" }\n"
      for _ in 0..<2 { #expect(try await post(news).status == 204) }
      #expect(try await payments.row(lost).stage == .authorized)
      #expect(try await payments.events(of: lost).filter { $0 == "payment.authorized" }.count == 1, "told once")
      #expect(
        try await post(#"{"key":"nobody's"}"#).status == 204, "what is not known is none of the sender's business")

      let late = WebhookSignature.header(
        for: Data(news.utf8), at: payments.clock.now.addingTimeInterval(-301), secret: Self.secret)
      let foreign = WebhookSignature.header(
        for: Data(news.utf8), at: payments.clock.now, secret: "whsec_another_of_them")
      for bad in [late, foreign, "", "t=1", String(repeating: "v1=0,", count: 1_000)] {
        let reply = try await post(news, signature: bad)
        #expect(reply.status == 400 && reply.code == "invalid_webhook", "\(bad.prefix(40))")
      }
      #expect(try await post("[]").code == "invalid_webhook")
      #expect(try await post(news, "stripe").status == 404, "it is not the provider here")
      #expect(try await post(news, type: "text/plain").status == 415)
      #expect(try await post(String(repeating: " ", count: 64 << 10) + news).status == 413)
    }
    try await PaymentFixture.run(on: engine) { payments in
      let reply = try await payments.client.execute(
        uri: "/api/v1/payments/webhooks/simulator", method: .post, headers: [.contentType: "application/json"],
        body: ByteBuffer(string: "{}"))
      #expect(reply.status == .notFound, "without a secret nobody is heard")
    }
  }
}
