import Crypto
import GravityContracts
import GravityIdentity

/// The SHA-256 of a bearer token: what tokens are remembered by, so that none is kept itself.
struct TokenDigest: Hashable, Sendable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  init(_ token: UnsafeRawBufferPointer) {
    words = SHA256.hash(data: token).withUnsafeBytes {
      (
        $0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self), $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
    }
  }

  static func == (left: TokenDigest, right: TokenDigest) -> Bool { left.words == right.words }

  /// The digest's bits are uniform already.
  func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// What a store of the blacklist once said of a token.
enum Confirmation: Sendable, Equatable {
  /// That it was not revoked until then. What is revoked later, the feed tells.
  case accepted
  /// For good: no revocation is taken back.
  case revoked
}

/// A verified token, as one event loop remembers it.
final class VerifiedToken {
  let principal: Principal
  /// When it expires, in nanoseconds of the monotonic clock.
  let expiresAt: Int64
  /// Stands for the subject among limits.
  let caller: UInt64
  /// Stands for what was issued to call with.
  let credential: UInt64
  /// The line that services are told instead of the client's, where an API key was exchanged for a token.
  let authorizationLine: [UInt8]?
  /// What the store of the blacklist has said of it; nil before it was asked with success.
  var confirmed: Confirmation?
  /// By access among those of the routes of one generation: whether the principal satisfies it. Asked once, because it
  /// compares strings.
  private var decisions: [Bool?] = []
  private var generation = 0
  /// Claims as header lines, for routes that ask for them.
  private(set) lazy var identityLines = IdentityLines.make(principal)

  init(_ principal: Principal, expiresAt: Int64, exchangedFor token: String? = nil) {
    self.principal = principal
    self.expiresAt = expiresAt
    authorizationLine = token.map { Array("authorization: Bearer \($0)\r\n".utf8) }
    caller = Self.hash(principal.subject)
    credential = Self.hash(principal.credential)
  }

  private static func hash(_ text: String) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(text)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  func satisfies(_ route: PreparedRoute) -> Bool {
    let place = route.place
    if place.generation != generation {
      generation = place.generation
      decisions = Array(repeating: nil, count: place.accessCount)
    }
    if let known = decisions[place.access] { return known }
    let decision = principal.satisfies(route.route.access)
    decisions[place.access] = decision
    return decision
  }
}

/// Verified tokens of one event loop: at most so many, the least recently used half forgotten first.
struct TokenCache {
  private let half: Int
  private var young: [TokenDigest: VerifiedToken] = [:]
  private var old: [TokenDigest: VerifiedToken] = [:]

  /// - Parameter capacity: Tokens, at least 2.
  init(capacity: Int) { half = max(1, capacity / 2) }

  var count: Int { young.count + old.count }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  mutating func token(_ digest: TokenDigest, now: Int64) -> VerifiedToken? {
    if let found = young[digest] {
      if found.expiresAt > now { return found }
      young[digest] = nil
      return nil
    }
    guard let found = old.removeValue(forKey: digest), found.expiresAt > now else { return nil }
    insert(found, digest)
    return found
  }

  mutating func insert(_ token: VerifiedToken, _ digest: TokenDigest) {
    if young.count >= half {
      old = young
      young = [:]
      young.reserveCapacity(min(half, 1_024))
    }
    young[digest] = token
  }

  mutating func remove(_ digest: TokenDigest) {
    young[digest] = nil
    old[digest] = nil
  }
}
