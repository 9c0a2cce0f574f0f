public import Foundation

/// One entry of the blacklist.
public struct Revocation: Sendable, Hashable, Codable {
  public enum Target: Sendable, Hashable {
    /// One token, by its `jti`.
    case token(String)
    /// Every token of a session, by its `sid`.
    case session(String)
    /// Every token of a subject issued in an earlier epoch than this.
    case subject(String, epoch: Int64)
  }
  public var target: Target
  /// When every token that it could concern has expired, so that the entry can be forgotten.
  public var expiresAt: Date

  public init(_ target: Target, expiresAt: Date) {
    self.target = target
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case token, session, subject, epoch
    case expiresAt = "expires_at"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    expiresAt = try container.decode(Date.self, forKey: .expiresAt)
    if let id = try container.decodeIfPresent(String.self, forKey: .token) {
      target = .token(id)
    } else if let id = try container.decodeIfPresent(String.self, forKey: .session) {
      target = .session(id)
    } else {
      target = .subject(
        try container.decode(String.self, forKey: .subject), epoch: try container.decode(Int64.self, forKey: .epoch))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(expiresAt, forKey: .expiresAt)
    switch target {
    case .token(let id): try container.encode(id, forKey: .token)
    case .session(let id): try container.encode(id, forKey: .session)
    case .subject(let id, let epoch):
      try container.encode(id, forKey: .subject)
      try container.encode(epoch, forKey: .epoch)
    }
  }
}
