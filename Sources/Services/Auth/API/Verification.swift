public import Foundation

/// A JWK Set (RFC 7517 §5): the keys that sign now, will sign next, or signed tokens that still live.
public struct KeySet: Codable, Sendable, Hashable {
  public var keys: [Key]
  public init(keys: [Key]) { self.keys = keys }

  /// A P-256 public key (RFC 7518 §6.2).
  public struct Key: Codable, Sendable, Hashable {
    public var kty: String
    public var crv: String
    public var x: String
    public var y: String
    public var kid: String
    public var use: String
    public var alg: String

    public init(kty: String, crv: String, x: String, y: String, kid: String, use: String, alg: String) {
      self.kty = kty
      self.crv = crv
      self.x = x
      self.y = y
      self.kid = kid
      self.use = use
      self.alg = alg
    }

    enum CodingKeys: String, CodingKey { case kty, crv, x, y, kid, use, alg }
  }
}

public struct RevocationQuery: Codable, Sendable {
  /// The `next` of the last answer; 0 or nothing for all that live.
  public var after: Int64?
  public init(after: Int64? = nil) { self.after = after }
}

/// One entry of the blacklist: a token, a session, or the tokens that a subject got in an earlier epoch.
public struct RevocationEntry: Codable, Sendable, Hashable {
  public var token: String?
  public var session: String?
  public var subject: String?
  public var epoch: Int64?
  /// When every token that it could concern has expired.
  public var expiresAt: Date

  public init(
    token: String? = nil, session: String? = nil, subject: String? = nil, epoch: Int64? = nil, expiresAt: Date
  ) {
    self.token = token
    self.session = session
    self.subject = subject
    self.epoch = epoch
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case token, session, subject, epoch
    case expiresAt = "expires_at"
  }
}

/// What was revoked after an entry, in order.
public struct RevocationFeed: Codable, Sendable, Hashable {
  public var items: [RevocationEntry]
  /// What to ask `after` the next time.
  public var next: Int64
  /// Nothing more was revoked until the answer was made; if not, ask again at once.
  public var complete: Bool

  public init(items: [RevocationEntry], next: Int64, complete: Bool) {
    self.items = items
    self.next = next
    self.complete = complete
  }
}

/// An announcement that proves that auth made it: whoever may publish to the broker may not revoke, nor hide that
/// something was revoked.
public struct SealedAnnouncement: Codable, Sendable, Hashable {
  /// The JSON of a ``RevocationAnnouncement``.
  public var content: String
  /// HMAC-SHA-256 of it under a key of the deployment, base64.
  public var mac: String

  /// What the key is derived for.
  public static let keyLabel = "revocation-announcements/1"

  public init(content: String, mac: String) {
    self.content = content
    self.mac = mac
  }
}

/// What was revoked after an entry, up to a moment: a gateway that knows everything up to `after` then knows
/// everything up to `feed.next`, unless the feed is not complete.
public struct RevocationAnnouncement: Codable, Sendable, Hashable {
  /// By the clock of the machine that sent it, before it looked.
  public var time: Date
  public var after: Int64
  public var feed: RevocationFeed

  public init(time: Date, after: Int64, feed: RevocationFeed) {
    self.time = time
    self.after = after
    self.feed = feed
  }
}
