public import Foundation
public import GravityContracts

/// A person as others see them, and what they set for themselves.
///
/// Address, name, roles and suspension belong to auth; `email` and the name behind `displayName` are copies of auth's.
public struct Profile: Codable, Sendable, Hashable, EntityTagged {
  public enum Status: String, Codable, Sendable, CaseIterable {
    case active, suspended
    case pendingDeletion = "pending_deletion"
    /// Nothing is left but the id, which is never used again.
    case erased
  }

  /// The account's id.
  public var id: UUID
  /// The account's name, unless the user chose another.
  public var displayName: String
  public var givenName: String?
  public var familyName: String?
  /// nil once the account was deleted.
  public var email: String?
  /// E.164: `+` and 7 to 15 digits.
  public var phone: String?
  public var bio: String?
  /// Where a picture is: `https` only. Nobody of the platform has looked at it.
  public var avatarURL: String?
  /// A BCP 47 language tag.
  public var locale: String
  /// A name of the IANA time zone database.
  public var timezone: String
  public var status: Open<Status>
  /// Until when the user may take a deletion back.
  public var deletionDueAt: Date?
  /// Counts up with every change; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, displayName: String, givenName: String? = nil, familyName: String? = nil, email: String?,
    phone: String? = nil, bio: String? = nil, avatarURL: String? = nil, locale: String, timezone: String,
    status: Status,
    deletionDueAt: Date? = nil, version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.displayName = displayName
    self.givenName = givenName
    self.familyName = familyName
    self.email = email
    self.phone = phone
    self.bio = bio
    self.avatarURL = avatarURL
    self.locale = locale
    self.timezone = timezone
    self.status = .known(status)
    self.deletionDueAt = deletionDueAt
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, email, phone, bio, locale, timezone, status, version
    case displayName = "display_name"
    case givenName = "given_name"
    case familyName = "family_name"
    case avatarURL = "avatar_url"
    case deletionDueAt = "deletion_due_at"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

/// What is left out stays; null takes away: the display name goes back to the account's name, locale and time zone to
/// their defaults. Texts are counted in Unicode code points, trimmed and kept in NFC; control characters are refused, but
/// for line ends in `bio`.
public struct ProfileUpdate: Codable, Sendable {
  /// 1 to 200 characters.
  public var displayName: Patch<String>
  /// 1 to 100 characters.
  public var givenName: Patch<String>
  /// 1 to 100 characters.
  public var familyName: Patch<String>
  /// E.164; blanks, dots, hyphens and parentheses are taken out.
  public var phone: Patch<String>
  /// 1 to 500 characters.
  public var bio: Patch<String>
  /// An `https` address of at most 2 048 bytes, without a user name.
  public var avatarURL: Patch<String>
  /// A BCP 47 language tag of at most 35 bytes.
  public var locale: Patch<String>
  /// A name of the IANA time zone database.
  public var timezone: Patch<String>

  public init(
    displayName: Patch<String> = .absent, givenName: Patch<String> = .absent, familyName: Patch<String> = .absent,
    phone: Patch<String> = .absent, bio: Patch<String> = .absent, avatarURL: Patch<String> = .absent,
    locale: Patch<String> = .absent,
    timezone: Patch<String> = .absent
  ) {
    self.displayName = displayName
    self.givenName = givenName
    self.familyName = familyName
    self.phone = phone
    self.bio = bio
    self.avatarURL = avatarURL
    self.locale = locale
    self.timezone = timezone
  }

  enum CodingKeys: String, CodingKey {
    case phone, bio, locale, timezone
    case displayName = "display_name"
    case givenName = "given_name"
    case familyName = "family_name"
    case avatarURL = "avatar_url"
  }
}

public struct UserID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct UserSearch: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  /// One to five words; each must begin a word of a name or of the address. Case and accents do not matter.
  public var q: String?
  public var status: Profile.Status?
  /// The whole address.
  public var email: String?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, q: String? = nil, status: Profile.Status? = nil, email: String? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.q = q
    self.status = status
    self.email = email
  }
}
