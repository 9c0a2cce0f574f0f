import Foundation
import GravityContracts
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat

private let decoder = WireFormat.makeDecoder()
private let encoder = WireFormat.makeEncoder()

extension Endpoint {
  /// - Throws: 415 when the body is of another type than declared, 413 when it is larger than `limit` bytes.
  func collectBody(_ request: Hummingbird.Request, limit standard: Int) async throws -> ByteBuffer? {
    let (wanted, limit): ([String], Int)
    switch body {
    case .content(let types, let greatest): (wanted, limit) = (types, greatest)
    case _ where !hasBody: return nil
    case .json: (wanted, limit) = (["application/json"], standard)
    case .form: (wanted, limit) = (["application/x-www-form-urlencoded"], standard)
    }
    // Where every field is in the path, or may be left out, there is nothing to send.
    if body == .json, request.headers[.contentType] == nil, request.headers[.transferEncoding] == nil,
      request.headers[.contentLength] ?? "0" == "0"
    {
      return ByteBuffer(string: "{}")
    }
    guard let given = request.mediaType, wanted.contains(given) else {
      throw Problem(
        415, "unsupported_media_type", "The body is of a type that is not taken here",
        detail: "Send Content-Type: \(wanted.joined(separator: " or ")).")
    }
    if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
      throw Problem(415, "unsupported_media_type", "Encoded bodies are not taken here", detail: "Send it unencoded.")
    }
    return try await request.body.collect(upTo: limit)
  }

  /// nil where the endpoint takes fields.
  func content(_ request: Hummingbird.Request, _ buffer: ByteBuffer?) -> RequestContent? {
    guard self.body.isContent, let buffer, let type = request.mediaType else { return nil }
    return RequestContent(type: type, bytes: Data(buffer: buffer), headers: request.headers)
  }

  /// Reads the fields of `Request` from where the declaration puts them.
  /// - Throws: 400 with the position of malformed JSON, 422 with the fields that are not valid.
  func decode(_ request: Hummingbird.Request, _ scope: RequestScope, body buffer: ByteBuffer?) throws -> Request {
    if let empty = Empty() as? Request { return empty }
    var strings: [String: String] = [:]
    if let buffer, body == .form {
      strings = try FormFields.parse(String(buffer: buffer))
    } else if !hasBody {
      strings = try FormFields.parse(request.uri.query ?? "")
    }
    for field in pathFields {
      guard let raw = scope.parameters.get(field) else { continue }
      guard let value = raw.removingPercentEncoding, !value.utf8.contains(0) else {
        throw Problem(
          400, "malformed_path", "The path is malformed",
          detail: "% takes two hex digits, and the whole is UTF-8 without NUL.")
      }
      strings[field] = value
    }
    do {
      guard let buffer, body == .json else {
        return try Request(from: StringFieldsDecoder(fields: strings, fallback: nil))
      }
      do throws(JSONScan.Fault) {
        try buffer.withUnsafeReadableBytes { bytes throws(JSONScan.Fault) in try JSONScan.check(bytes) }
      } catch {
        throw Problem(
          400, "malformed_json", "The body is not JSON that is taken here",
          detail: "Line \(error.line), column \(error.column): \(error.reason).")
      }
      let data = Data(buffer: buffer)
      guard !strings.isEmpty else { return try decoder.decode(Request.self, from: data) }
      return try decoder.decode(Overlaid<Request>.self, from: data, configuration: strings).value
    } catch let error as DecodingError {
      throw Problem(decoding: error)
    }
  }

  func encode(_ response: Response, request: Hummingbird.Request, reply: Reply) throws -> Hummingbird.Response {
    let fields = reply.current
    var headers = HTTPFields()
    for (name, value) in fields.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
    if let tagged = response as? any EntityTagged {
      let tag = tagged.entityTag.description
      headers[.eTag] = tag
      if method == .get, let known = request.headers[.ifNoneMatch], known == "*" || known.contains(tag) {
        return .init(status: .notModified, headers: headers)
      }
    }
    if Response.self == Empty.self { return .init(status: .init(code: fields.status ?? success), headers: headers) }
    headers[.contentType] = produces
    if let content = response as? Content {
      if let name = content.fileName { headers[.contentDisposition] = "attachment; filename=\"\(name)\"" }
      // What users wrote is not to be taken for a page.
      headers[.xContentTypeOptions] = "nosniff"
      return .init(
        status: .init(code: fields.status ?? success), headers: headers,
        body: .init(byteBuffer: .init(data: content.bytes)))
    }
    return .init(
      status: .init(code: fields.status ?? success), headers: headers,
      body: .init(byteBuffer: .init(data: try encoder.encode(response))))
  }
}

/// Decodes `Value` from a body whose path fields come from elsewhere.
private struct Overlaid<Value: Decodable>: DecodableWithConfiguration {
  let value: Value
  init(from decoder: any Decoder, configuration strings: [String: String]) throws {
    value = try Value(from: StringFieldsDecoder(fields: strings, fallback: decoder))
  }
}

extension Problem {
  init(decoding error: DecodingError) {
    func field(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context):
      self = .invalid(field(context.codingPath + [key]), "required", "is missing")
    case .valueNotFound(_, let context):
      self = .invalid(field(context.codingPath), "required", "must not be null")
    case .typeMismatch(let type, let context):
      self = .invalid(field(context.codingPath), "type", "must be \(Self.name(of: type))")
    case .dataCorrupted(let context):
      self = .invalid(field(context.codingPath), "format", Self.reason(context))
    @unknown default: self = Problem(400, "malformed", "The request cannot be read")
    }
  }

  /// What a client calls the type.
  private static func name(of type: Any.Type) -> String {
    switch type {
    case is String.Type: "a string"
    case is Bool.Type: "true or false"
    case is any FixedWidthInteger.Type: "an integer"
    case is Double.Type, is Decimal.Type: "a number"
    case is [String: Any].Type: "an object"
    case is [Any].Type: "an array"
    default: type is any Sequence.Type ? "an array" : "an object"
    }
  }

  /// Foundation's own words name Swift types, ours do not.
  private static func reason(_ context: DecodingError.Context) -> String {
    let text = context.debugDescription
    // The text was JSON, so this is all that Foundation can mean; it does not say where.
    if context.codingPath.isEmpty, text.contains("not valid JSON") {
      return "a number does not fit its field: it has a fraction, or is too large"
    }
    if text.hasPrefix("is ") || text.hasPrefix("must ") { return text }
    if text.contains("UUID") { return "is not a UUID" }
    if text.contains("Cannot initialize") { return "is not one of the values that are taken" }
    if text.contains("does not fit") || text.contains("not representable") { return "is out of range" }
    return "is not valid"
  }
}

extension Hummingbird.Request {
  /// `Content-Type` without its parameters, in lower case.
  var mediaType: String? { headers[.contentType].map { $0.prefix { $0 != ";" }.lowercased().filter { $0 != " " } } }
}
