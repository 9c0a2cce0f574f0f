import Foundation
import GravityContracts

/// Where the fields of a request go.
struct RequestParts {
  var target: String
  var body: Data?
  var contentType = "application/json"
  var idempotencyKey: String?

  init<Request, Response>(_ endpoint: Endpoint<Request, Response>, _ input: Request) throws {
    target = endpoint.path
    if Request.self == Empty.self { return }
    let json = try WireFormat.makeEncoder().encode(input)
    let inPath = endpoint.pathFields
    if endpoint.hasBody, endpoint.body == .json { body = json }
    guard body == nil || !inPath.isEmpty else { return }

    let fields = try JSONDecoder().decode([String: Lossless].self, from: json)
    for name in inPath { target.replace("{\(name)}", with: fields[name]?.text?.percentEncoded ?? "") }
    guard body == nil else { return }
    let pairs = fields.filter { !inPath.contains($0.key) }.sorted { $0.key < $1.key }
      .compactMap { name, value in value.text.map { "\(name.percentEncoded)=\($0.percentEncoded)" } }
      .joined(separator: "&")
    if endpoint.hasBody {
      body = Data(pairs.utf8)
      contentType = "application/x-www-form-urlencoded"
    } else if !pairs.isEmpty {
      target += "?" + pairs
    }
  }

  /// A scalar as it is written in a URL; anything else has no text.
  private struct Lossless: Decodable {
    let text: String?
    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let string = try? value.decode(String.self) {
        text = string
      } else if let flag = try? value.decode(Bool.self) {
        text = "\(flag)"
      } else if let integer = try? value.decode(Int64.self) {
        text = "\(integer)"
      } else {
        text = (try? value.decode(Double.self)).map { "\($0)" }
      }
    }
  }
}

extension String {
  fileprivate var percentEncoded: String {
    let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return addingPercentEncoding(withAllowedCharacters: unreserved) ?? self
  }
}
