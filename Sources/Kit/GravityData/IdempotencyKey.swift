/// A client's `Idempotency-Key` in its scope.
public struct IdempotencyKey: Sendable, Hashable {
  /// Who asks for what: the principal (or client address) and the endpoint's name.
  public var scope: String
  /// 1 to 255 characters, as the client sent it.
  public var key: String
  /// A digest of the request, by which another request under the same key is told from a repeat.
  public var fingerprint: [UInt8]

  public init(scope: String, key: String, fingerprint: [UInt8]) {
    self.scope = scope
    self.key = key
    self.fingerprint = fingerprint
  }
}

/// Why a write under an ``IdempotencyKey`` was not run.
public enum IdempotencyRefusal: Error, Sendable, Hashable {
  /// The same key came with another request (422).
  case mismatch
  /// The first request under the key still runs (409).
  case inProgress
}
