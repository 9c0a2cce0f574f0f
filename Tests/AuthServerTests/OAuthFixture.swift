import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testbed
import Testing

@testable import AuthServer

/// What an OAuth client is told when it is refused (RFC 6749 §5.2).
struct OAuthRefusal: Decodable {
  var error: String
  var description: String?
  enum CodingKeys: String, CodingKey {
    case error
    case description = "error_description"
  }
}

extension Reply {
  /// RFC 6749's `error`, where there is one.
  var error: String? { refusal?.error }
  var description: String? { refusal?.description }
  private var refusal: OAuthRefusal? { try? JSONDecoder().decode(OAuthRefusal.self, from: Data(text.utf8)) }
}

/// Proves who a client is, as clients do.
enum ClientProof: Sendable {
  case basic(String, String)
  case post(String, String)
  case assertion(String)
  case identifier(String)
  case nothing
}

extension AuthFixture {
  /// Sends a form as an OAuth client does.
  func form<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ fields: [String: String], _ proof: ClientProof = .nothing,
    headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var fields = fields
    var headers: HTTPFields = [.contentType: "application/x-www-form-urlencoded", .userAgent: "client/1"]
    switch proof {
    case .basic(let id, let secret):
      headers[.authorization] = "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString()
    case .post(let id, let secret): fields.merge(["client_id": id, "client_secret": secret]) { $1 }
    case .assertion(let text):
      fields.merge(["client_assertion_type": ClientAssertion.type, "client_assertion": text]) { $1 }
    case .identifier(let id): fields["client_id"] = id
    case .nothing: break
    }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    let body = fields.map { "\(FormEncoding.encoded($0.key))=\(FormEncoding.encoded($0.value))" }.sorted()
      .joined(separator: "&")
    return Reply(
      try await client.execute(
        uri: endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
        body: ByteBuffer(string: body)))
  }

  /// A body of the token endpoint as it is.
  func raw(_ type: String, _ body: String) async throws -> Reply<TokenReply> {
    Reply(
      try await client.execute(
        uri: AuthAPI.token.path, method: .post, headers: [.contentType: type], body: ByteBuffer(string: body)))
  }

  /// Makes a client as an administrator does.
  func newClient(_ fields: [String: Any], token: String? = nil) async throws -> CreatedClient {
    var fields = fields
    fields["name"] = fields["name"] ?? "A client"
    let administrator: String
    if let token { administrator = token } else { administrator = try await self.administrator() }
    return try await send(AuthAPI.createClient, nil, fields, token: administrator).value
  }

  /// A confidential client that speaks for itself.
  func newServer(_ scopes: [String]) async throws -> (id: String, secret: String) {
    let made = try await newClient(["grants": ["client_credentials"], "scopes": scopes])
    return (made.client.id.lowercased, try #require(made.clientSecret))
  }
}
