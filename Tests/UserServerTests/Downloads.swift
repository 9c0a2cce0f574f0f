import Foundation
import GravityContracts
import HTTPTypes
import HummingbirdTesting
import NIOCore
import TestServers
import Testing

/// A reply that is no text.
struct Download: Sendable {
  let status: Int
  let headers: HTTPFields
  let bytes: Data
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension UserFixture {
  /// - Parameter form: As `application/x-www-form-urlencoded`.
  func download<Request>(
    _ endpoint: Endpoint<Request, Content>, _ path: String? = nil, form: String? = nil, token: String? = nil
  ) async throws -> Download {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if form != nil { headers[.contentType] = "application/x-www-form-urlencoded" }
    let response = try await client.execute(
      uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
      body: form.map { ByteBuffer(string: $0) })
    return Download(
      status: response.status.code, headers: response.headers, bytes: Data(response.body.readableBytesView))
  }
}

extension Unzipped {
  /// What is in a service's file.
  static func items(_ file: String?) throws -> [[String: Any]] {
    let object = try JSONSerialization.jsonObject(with: Data(try #require(file).utf8)) as? [String: Any]
    return try #require(object?["items"] as? [[String: Any]])
  }
}
