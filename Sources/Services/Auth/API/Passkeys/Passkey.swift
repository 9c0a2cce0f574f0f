public import Foundation
import GravityContracts

/// A key pair of somebody's own device or of its provider, with which they sign in: a discoverable, user-verified
/// credential of WebAuthn.
public struct Passkey: Codable, Sendable, Hashable {
  public var id: UUID
  /// What its owner calls it.
  public var name: String
  /// How a browser can reach it (WebAuthn Level 3 §5.8.4): `internal`, `hybrid`, `usb`, …
  public var transports: [String]
  /// Whether it is kept somewhere else, too, so that it outlives its device; as it said when it was last used.
  public var backedUp: Bool
  public var createdAt: Date
  /// nil where nobody signed in with it yet.
  public var lastUsedAt: Date?

  public init(id: UUID, name: String, transports: [String], backedUp: Bool, createdAt: Date, lastUsedAt: Date?) {
    self.id = id
    self.name = name
    self.transports = transports
    self.backedUp = backedUp
    self.createdAt = createdAt
    self.lastUsedAt = lastUsedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, name, transports
    case backedUp = "backed_up"
    case createdAt = "created_at"
    case lastUsedAt = "last_used_at"
  }
}

public struct PasskeyList: Codable, Sendable, Hashable {
  /// By age; at most 20.
  public var items: [Passkey]
  public init(items: [Passkey]) { self.items = items }
}

/// What an authenticator made of ``PasskeyCreationOptions``.
public struct NewPasskey: Codable, Sendable {
  /// 1 to 100 characters; `Passkey` where it is missing.
  public var name: String?
  public var credential: RegistrationCredential

  public init(name: String? = nil, credential: RegistrationCredential) {
    self.name = name
    self.credential = credential
  }
}

public struct PasskeyUpdate: Codable, Sendable {
  public var id: UUID
  /// 1 to 100 characters.
  public var name: String

  public init(id: UUID, name: String) {
    self.id = id
    self.name = name
  }
}

public struct PasskeyID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}
