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
    if route.isPublic {
      // A key is for the gateway, and nobody behind it can make anything of it.
      if bearsKey(bytes) { keepKeyBack(bytes) }
      return limit(&bytes, now: exchange.start)
    }
    let digest: TokenDigest
    switch readToken(bytes) {
    case .missing: return refuse(.unauthenticated, &bytes)
    case .malformed: return refuse(.token("invalid_token", "The token is malformed."), &bytes)
    case .token(let found): digest = found
    }
    if let token = worker.tokens.token(digest, now: exchange.start) { return authorize(token, &bytes) }
    // Limits by address come first: to verify costs more than to ask, and tokens can be made up without end.
    limit(&bytes, now: exchange.start)
  }

  /// Finds out whose token it is, which nobody remembers.
  func identify(_ bytes: inout ByteBuffer) {
    guard case .token(let digest) = readToken(bytes) else { return refuse(.unauthenticated, &bytes) }
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
    let isKey = bearsKey(bytes)
    if isKey, worker.isRefusedKey(digest, now: exchange.start) { return refuse(.key, &bytes) }
    let number = exchangeNumber
    let isTaken = (isKey ? worker.exchanges : worker.verifications).verify(text, digest) { [weak self] outcome in
      // Whatever became of the request, the next with this key is to know.
      if isKey, case .refused(.invalid) = outcome { self?.worker.refuseKey(digest) }
      guard let self, self.exchangeNumber == number, self.isDeciding(.verification) else { return }
      self.resume { $0.verified(outcome, isKey: isKey, &$1) }
    }
    guard isTaken else { return refuse(.identityUnavailable, &bytes) }
    wait(.verification, until: exchange.start + worker.timeouts.verification)
  }

  private func verified(_ outcome: VerificationQueue.Outcome, isKey: Bool, _ bytes: inout ByteBuffer) {
    switch outcome {
    case .verified(let token): authorize(token, &bytes)
    case .refused(.unavailable): refuse(.identityUnavailable, &bytes)
    case .refused(.invalid) where isKey: refuse(.key, &bytes)
    case .refused(let code): refuse(.token(code.rawValue, Self.text(code)), &bytes)
    }
  }

  private static func text(_ code: TokenRefusal.Code) -> String {
    switch code {
    case .expired: "The token has expired."
    case .revoked: "The token was revoked."
    case .invalid, .unavailable: "The token is not valid."
    }
  }

  private func authorize(_ token: VerifiedToken, _ bytes: inout ByteBuffer) {
    let verdict = worker.revocations.verdict(on: token.principal)
    if verdict == .revoked || token.confirmed == .revoked { return revoked(token, &bytes) }
    guard let blacklist = worker.blacklist else {
      guard verdict == .accepted else { return refuse(.identityUnavailable, &bytes) }
      return permit(token, &bytes)
    }
    if verdict == .accepted, token.confirmed != nil { return permit(token, &bytes) }
    confirm(token, by: blacklist, &bytes)
  }

  func permit(_ token: VerifiedToken, _ bytes: inout ByteBuffer) {
    guard let route = exchange.route, token.satisfies(route) else {
      var permission: String?
      if case .permission(let needed)? = exchange.route?.route.access { permission = needed.rawValue }
      return refuse(.forbidden(permission), &bytes)
    }
    exchange.token = token
    if token.authorizationLine != nil { keepKeyBack(bytes) }
    limit(&bytes, now: exchange.start)
  }

  /// A token that a key was exchanged for may be revoked while the key is good, as when its owner's roles change: the key
  /// is exchanged anew, once.
  func revoked(_ token: VerifiedToken, _ bytes: inout ByteBuffer) {
    guard token.authorizationLine != nil, !exchange.hasRenewedToken, case .token(let digest) = readToken(bytes) else {
      return refuse(.revoked, &bytes)
    }
    exchange.hasRenewedToken = true
    worker.tokens.remove(digest)
    verify(digest, &bytes)
  }

  // MARK: - API keys

  private func bearsKey(_ bytes: ByteBuffer) -> Bool {
    guard let prefix = worker.keyPrefix, let range = head.authorization else { return false }
    return bytes.withUnsafeReadableBytes { Self.bearer($0[range])?.starts(with: prefix) ?? false }
  }

  private func keepKeyBack(_ bytes: ByteBuffer) {
    bytes.withUnsafeReadableBytes { raw in head.kept.remove(in: raw) { $0.isEqualIgnoringCase("authorization") } }
  }

  // MARK: - Waiting

  /// Leaves the request, whose head is still the first of what is there, until somebody else has decided.
  func wait(_ kind: DeadlineKind, until moment: Int64) {
    phase = .deciding
    setDeadline(kind, moment)
  }

  /// Whether the request waits for that.
  func isDeciding(_ kind: DeadlineKind) -> Bool {
    guard case .deciding = phase else { return false }
    return deadlineKind == kind
  }

  /// Goes on with a request that waited.
  func resume(_ decide: (ClientConnection, inout ByteBuffer) -> Void) {
    guard var bytes = input else { return abort() }
    input = nil
    phase = .head
    deadline = .max
    decide(self, &bytes)
    process(&bytes)
    resumeReading()
  }
}
