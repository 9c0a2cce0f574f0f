import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPField.Name {
  static let idempotencyKey = Self("Idempotency-Key")!
  static let requestID = Self("X-Request-Id")!
  static let forwardedFor = Self("X-Forwarded-For")!
  /// Milliseconds that whoever asks will go on waiting.
  static let requestTimeout = Self("X-Request-Timeout-Ms")!
  static let traceparent = Self("traceparent")!
  static let prefer = Self("Prefer")!
}

extension Endpoint {
  /// Reads `If-Match`, a list of tags or `*`.
  /// - Throws: 400 when it is malformed, 428 when it is required and missing.
  func ifMatch(_ headers: HTTPFields) throws -> IfMatch? {
    guard precondition != .none, let text = headers[.ifMatch] else {
      guard precondition != .required else {
        throw Problem(
          428, "precondition_required", "If-Match is needed here",
          detail: "Get the resource and send its ETag as If-Match.")
      }
      return nil
    }
    if text == "*" { return .any }
    // A weak tag is well formed and matches nothing (RFC 9110 §13.1.1).
    let parts = text.split(separator: ",").map { $0.drop { $0 == " " }.trimmingSuffix(" ") }
    let tags = parts.filter { !$0.hasPrefix("W/\"") }.map { EntityTag(header: $0) }
    guard !parts.isEmpty, parts.count <= 16, !tags.contains(nil) else {
      throw Problem(
        400, "malformed_if_match", "If-Match is malformed",
        detail: "Send the ETag as you got it, with its quotes, such as \"v3\"; or *.")
    }
    return .tags(tags.compactMap { $0 })
  }

  /// Reads `Idempotency-Key`, bare or as a quoted string (IETF draft-ietf-httpapi-idempotency-key-header §2.1).
  /// - Throws: 400 when it is malformed, or required and missing.
  func idempotencyKey(
    _ request: Hummingbird.Request, body: ByteBuffer?, _ scope: RequestScope
  ) throws -> IdempotencyKey? {
    guard idempotency != .none, let field = request.headers[.idempotencyKey] else {
      guard idempotency != .required else {
        throw Problem(
          400, "idempotency_key_required", "An Idempotency-Key is needed here",
          detail: "Send a new random value, such as a UUID, with each new request, and the same one when you retry.")
      }
      return nil
    }
    let isQuoted = field.utf8.count >= 2 && field.first == "\"" && field.last == "\""
    let key = isQuoted ? String(field.dropFirst().dropLast()) : field
    guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 }) else {
      throw Problem(
        400, "malformed_idempotency_key", "The Idempotency-Key is malformed",
        detail: "Send 1 to 255 visible ASCII characters.")
    }
    var digest = SHA256()
    digest.update(data: Data("\(request.method.rawValue) \(request.uri.string)\n".utf8))
    if let body { body.withUnsafeReadableBytes { digest.update(bufferPointer: $0) } }
    let caller = scope.optionalPrincipal.map { "subject \($0.subject)" } ?? "address \(scope.clientAddress)"
    return IdempotencyKey(scope: "\(caller) \(name)", key: key, fingerprint: Array(digest.finalize()))
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ character: Character) -> Substring {
    var rest = self
    while rest.last == character { rest.removeLast() }
    return rest
  }
}
