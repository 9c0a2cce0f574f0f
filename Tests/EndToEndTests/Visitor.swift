import AsyncHTTPClient
import Foundation
import GravityContracts
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Patience

/// A client of the platform as the contract words it: plain HTTP and JSON, nothing of ours but the address.
struct Visitor: Sendable {
  let base: String
  var token: String?

  struct Reply: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: Data

    private var object: [String: Any]? { try? JSONSerialization.jsonObject(with: body) as? [String: Any] }
    func text(_ field: String) -> String? { object?[field] as? String }
    func text(_ object: String, _ field: String) -> String? {
      (self.object?[object] as? [String: Any])?[field] as? String
    }
    func number(_ field: String) -> Int? { object?[field] as? Int }
    var code: String? { text("code") }
  }

  func send(
    _ method: String, _ path: String, _ body: [String: any Sendable]? = nil, headers: [(String, String)] = []
  ) async throws -> Reply {
    var request = HTTPClientRequest(url: base + path)
    request.method = HTTPMethod(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    if let body {
      request.headers.replaceOrAdd(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(data: try JSONSerialization.data(withJSONObject: body, options: .sortedKeys)))
    }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    let data = Data(buffer: try await response.body.collect(upTo: 8 << 20))
    return Reply(status: Int(response.status.code), headers: response.headers, body: data)
  }

  func get(_ path: String) async throws -> Reply { try await send("GET", path) }

  /// Waits until the gateway says that all it needs is there.
  func waitUntilReady() async throws {
    try await eventually("the gateway is ready") { try await get("/health/ready").status == 200 }
  }

  /// What the gateway says once it can say something: on a machine with more to do than it can, its list of revocations
  /// may be older than it is allowed to be, and then it refuses everybody for a moment.
  static func decided(_ ask: () async throws -> Reply) async throws -> Reply {
    try await eventually("the gateway decides") {
      let reply = try await ask()
      return reply.status == 503 ? nil : reply
    }
  }

  /// Registers a new account and logs in.
  func newcomer(_ email: String = "\(UUID().uuidString.prefix(8).lowercased())@example.com") async throws -> (
    visitor: Visitor, email: String, refreshToken: String
  ) {
    let password = "quiet-orange-window-7"
    _ = try await send("POST", "/api/v1/auth/register", ["email": email, "password": password, "name": "New"])
    let tokens = try await send("POST", "/api/v1/auth/login", ["email": email, "password": password])
    return (Visitor(base: base, token: tokens.text("access_token")), email, tokens.text("refresh_token") ?? "")
  }

  /// The first administrator.
  func administrator() async throws -> Visitor {
    let tokens = try await send(
      "POST", "/api/v1/auth/login", ["email": "admin@example.com", "password": "tall-green-ladder-9"])
    return Visitor(base: base, token: tokens.text("access_token"))
  }
}
