import CoreMetrics
import GravityContracts
import GravityIdentity
import NIOCore

/// Who may pass: token, revocation, permission, limits. Everything that is not certain is a refusal.
extension ClientConnection {
  func admit(_ bytes: inout ByteBuffer) {
    guard let route = exchange.route else { return refuse(.notFound, &bytes) }
    if case .length(let length) = head.framing, route.maximumBodyBytes > 0, length > route.maximumBodyBytes {
      return refuse(.bodyTooLarge(route.maximumBodyBytes), &bytes)
    }
    if route.isPublic { return limit(&bytes) }
    let digest: TokenDigest
    switch readToken(bytes) {
    case .missing: return refuse(.unauthenticated, &bytes)
    case .malformed: return refuse(.token("invalid_token", "The token is malformed."), &bytes)
    case .token(let found): digest = found
    }
    if let token = worker.tokens.token(digest, now: exchange.start) { return authorize(token, &bytes) }
    verify(digest, &bytes)
  }

  private enum Token {
    case missing, malformed
    case token(TokenDigest)
  }

  private func readToken(_ bytes: ByteBuffer) -> Token {
    guard let range = head.authorization else { return .missing }
    return bytes.withUnsafeReadableBytes { raw in
      guard let token = Self.bearer(raw[range]) else { return .missing }
      guard !token.isEmpty, token.count <= 8_192, token.allSatisfy(Self.isTokenCharacter) else { return .malformed }
      return .token(TokenDigest(token))
    }
  }

  /// What follows `Bearer` (RFC 6750 §2.1), in any case as RFC 9110 §11.1 has it.
  private static func bearer(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard value.hasPrefixIgnoringCase("bearer "), value[6] == Octet.space else { return nil }
    return value[value.trimmed(ByteRange(7, value.count))]
  }

  /// `b64token` (RFC 6750 §2.1).
  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    Octet.isUnreserved(byte) || byte == UInt8(ascii: "+") || byte == Octet.slash || byte == UInt8(ascii: "=")
  }

  private func verify(_ digest: TokenDigest, _ bytes: inout ByteBuffer) {
    guard let range = head.authorization else { return refuse(.unauthenticated, &bytes) }
    let text = bytes.withUnsafeReadableBytes { raw in
      String(decoding: Self.bearer(raw[range]) ?? UnsafeRawBufferPointer(start: nil, count: 0), as: UTF8.self)
    }
    let number = exchangeNumber
    let isTaken = worker.verifications.verify(text, digest) { [weak self] outcome in
      guard let self, self.exchangeNumber == number, case .verifying = self.phase else { return }
      self.verified(outcome)
    }
    guard isTaken else { return refuse(.identityUnavailable, &bytes) }
    phase = .verifying
    setDeadline(.verification, exchange.start + worker.timeouts.verification)
  }

  private func verified(_ outcome: VerificationQueue.Outcome) {
    guard var bytes = input else { return abort() }
    input = nil
    phase = .head
    deadline = .max
    switch outcome {
    case .verified(let token): authorize(token, &bytes)
    case .refused(.unavailable): refuse(.identityUnavailable, &bytes)
    case .refused(let code): refuse(.token(code.rawValue, Self.text(code)), &bytes)
    }
    process(&bytes)
    resumeReading()
  }

  private static func text(_ code: TokenRefusal.Code) -> String {
    switch code {
    case .expired: "The token has expired."
    case .revoked: "The token was revoked."
    case .invalid, .unavailable: "The token is not valid."
    }
  }

  private func authorize(_ token: VerifiedToken, _ bytes: inout ByteBuffer) {
    switch worker.state.revocations.verdict(on: token.principal) {
    case .accepted: break
    case .revoked: return refuse(.token("token_revoked", "The token was revoked."), &bytes)
    case .unknown: return refuse(.identityUnavailable, &bytes)
    }
    guard let route = exchange.route, token.satisfies(route) else {
      var permission: String?
      if case .permission(let needed)? = exchange.route?.route.access { permission = needed.rawValue }
      return refuse(.forbidden(permission), &bytes)
    }
    exchange.token = token
    limit(&bytes)
  }

  private func limit(_ bytes: inout ByteBuffer) {
    guard let route = exchange.route else { return refuse(.notFound, &bytes) }
    for policy in route.policies {
      let caller: UInt64
      if let token = exchange.token, !policy.limit.byAddress { caller = token.caller } else { caller = addressCaller }
      let decision = worker.state.limiter.take(policy.key(caller), policy, now: exchange.start)
      guard decision.isAdmitted else {
        worker.state.metrics.rateLimited.increment()
        return refuse(.rateLimited(policy, decision), &bytes)
      }
    }
    dispatch(&bytes)
  }

  /// Stands for the client's address among limits.
  private var addressCaller: UInt64 {
    var hasher = Hasher()
    if exchange.clientName == address.name, let network = address.network {
      hasher.combine(network)
    } else if let network = IPAddress(exchange.clientName)?.limitingNetwork {
      hasher.combine(network)
    } else {
      hasher.combine(exchange.clientName)
    }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
