import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

/// What a browser is told by the platform as a whole.
@Suite(.timeLimit(.minutes(3))) struct BrowserTests {
  @Test("pages of the origins that a setting names may use the platform, others not; without it there are none")
  func origins() async throws {
    let platform = try await PlatformProcess.up(
      environment: ["GRAVITY_GATEWAY_CORS_ORIGINS": "https://app.example.org, https://*.example.net"])
    defer { platform.remove() }
    func preflight(_ origin: String) async throws -> HTTPClientResponse {
      var request = HTTPClientRequest(url: platform.gateway + "/api/v1/auth/me")
      request.method = .OPTIONS
      request.headers.add(name: "origin", value: origin)
      request.headers.add(name: "access-control-request-method", value: "GET")
      request.headers.add(name: "access-control-request-headers", value: "authorization")
      return try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    }
    for origin in ["https://app.example.org", "https://shop.example.net"] {
      let answer = try await preflight(origin)
      #expect(answer.status == .noContent)
      #expect(answer.headers.first(name: "access-control-allow-origin") == origin)
    }
    let stranger = try await preflight("https://evil.example")
    #expect(stranger.status == .forbidden && stranger.headers["access-control-allow-origin"].isEmpty)
    // The page can read why it was refused.
    var request = HTTPClientRequest(url: platform.gateway + "/api/v1/auth/me")
    request.headers.add(name: "origin", value: "https://app.example.org")
    let refused = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    #expect(refused.status == .unauthorized)
    #expect(refused.headers.first(name: "access-control-allow-origin") == "https://app.example.org")
    #expect(refused.headers.first(name: "x-content-type-options") == "nosniff")
    #expect(await platform.stop() == 0)
  }

  @Test("the console's files are compressed for whoever takes that and bears nothing, unless a setting says no")
  func compression() async throws {
    // The shared client asks for codings, and takes them off, by itself.
    let client = HTTPClient(eventLoopGroupProvider: .singleton)
    for isOn in [true, false] {
      let platform = try await PlatformProcess.up(environment: ["GRAVITY_GATEWAY_COMPRESSION": "\(isOn)"])
      defer { platform.remove() }
      func coding(_ headers: HTTPHeaders) async throws -> String? {
        var request = HTTPClientRequest(url: platform.gateway + "/console/assets/components.css")
        request.headers = headers
        let answer = try await client.execute(request, timeout: .seconds(10))
        let body = try await answer.body.collect(upTo: 1 << 20)
        #expect(answer.status == .ok && body.readableBytes > 1_000)
        #expect(answer.headers["access-control-allow-origin"].isEmpty)
        return answer.headers.first(name: "content-encoding")
      }
      #expect(try await coding(["accept-encoding": "gzip"]) == (isOn ? "gzip" : nil))
      #expect(try await coding(["accept-encoding": "br, gzip"]) == (isOn ? "br" : nil))
      #expect(try await coding(["accept-encoding": "gzip", "cookie": "a=1"]) == nil)
      #expect(try await coding([:]) == nil)
      #expect(await platform.stop() == 0)
    }
    try await client.shutdown()
  }
}
