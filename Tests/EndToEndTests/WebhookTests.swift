import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PaymentServer
import Testing

/// What a payment provider tells by itself.
@Suite(.timeLimit(.minutes(3))) struct WebhookTests {
  private static let secret = "whsec_0123456789abcdef"

  @Test("a provider's webhook comes through the gateway as it is, and is believed by its signature")
  func throughTheGateway() async throws {
    let platform = try await PlatformProcess.up(environment: [
      "GRAVITY_PAYMENT_WEBHOOK_SECRETS": "simulator=\(Self.secret),simulator=whsec_an_older_one_of_them"
    ])
    defer { platform.remove() }
    func post(_ provider: String, _ body: String, signature: String?) async throws -> UInt {
      var request = HTTPClientRequest(url: "\(platform.gateway)/api/v1/payments/webhooks/\(provider)")
      request.method = .POST
      request.headers.add(name: "content-type", value: "application/json")
      if let signature { request.headers.add(name: "stripe-signature", value: signature) }
      request.body = .bytes(ByteBuffer(string: body))
      let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
      _ = try await response.body.collect(upTo: 1 << 16)
      return response.status.code
    }
    let news = "{ \"key\":  \"nobody's\" }\n"
    func signed(_ secret: String) -> String {
      WebhookSignature.header(for: Data(news.utf8), at: Date(), secret: secret)
    }
    #expect(try await post("simulator", news, signature: signed(Self.secret)) == 204)
    #expect(try await post("simulator", news, signature: signed("whsec_an_older_one_of_them")) == 204)
    #expect(try await post("simulator", news, signature: signed("whsec_somebody_elses_key")) == 400)
    #expect(try await post("simulator", news + " ", signature: signed(Self.secret)) == 400)
    #expect(try await post("simulator", news, signature: nil) == 400)
    #expect(try await post("stripe", news, signature: signed(Self.secret)) == 404)
    #expect(await platform.stop() == 0)
  }

  @Test(
    "a list of webhook secrets that is none is refused, and not repeated",
    arguments: ["simulator", "stripe=short", "=x"])
  func settings(_ list: String) async throws {
    let (code, output, errors) = try await PlatformProcess.run(
      ["config"], environment: ["GRAVITY_PAYMENT_WEBHOOK_SECRETS": list + ",stripe=whsec_0123456789abcdef"])
    #expect(code == 78)
    #expect(errors.contains("GRAVITY_PAYMENT_WEBHOOK_SECRETS"))
    #expect(!errors.contains("whsec_0123456789abcdef") && !output.contains("whsec_0123456789abcdef"))
  }
}
