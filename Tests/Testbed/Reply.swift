import Foundation
public import GravityContracts
public import HTTPTypes
public import HummingbirdTesting
import NIOCore

/// A service's reply, whichever way it went.
public struct Reply<Value: Decodable & Sendable>: Sendable {
  public let status: Int
  public let headers: HTTPFields
  public let text: String

  public init(_ response: TestResponse) {
    status = response.status.code
    headers = response.headers
    text = String(buffer: response.body)
  }

  public var value: Value {
    get throws { try WireFormat.makeDecoder().decode(Value.self, from: Data(text.utf8)) }
  }
  public var problem: Problem? { try? WireFormat.makeDecoder().decode(Problem.self, from: Data(text.utf8)) }
  public var code: String? { problem?.code.rawValue }
  public var fields: [String] { problem?.errors?.map(\.field) ?? [] }
  public var etag: String { headers[.eTag] ?? "" }
}
