import Foundation
import GravityContracts
import GravityData
import UserAPI

struct UserRow: SQLRecord, Hashable {
  var id: UUID
  /// The version of auth's account that name and address were copied from; 0 before the first copy.
  var accountVersion: Int64
  var accountName: String
  var email: String?
  /// nil where the account's name serves.
  var displayName: String?
  var givenName: String?
  var familyName: String?
  var phone: String?
  var bio: String?
  var avatarURL: String?
  /// nil where the default serves, as with the next two.
  var locale: String?
  var timezone: String?
  var theme: Theme?
  var isSuspended: Bool
  /// Auth deleted the account, for good.
  var isAccountDeleted: Bool
  var deletionDueAt: Date?
  var erasureRequestedAt: Date?
  var erasedAt: Date?
  /// How often something happened that asks for a new look at the account.
  var directoryRequests: Int64
  /// nil when nothing happened since the last look.
  var directoryDueAt: Date?
  /// The last that a namespace got: one count for all, so that none ever comes back.
  var preferenceVersion: Int64
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  static func lockName(_ id: UUID) -> String { "user \(id.lowercased)" }

  init(id: UUID, at time: Date) {
    self.id = id
    accountVersion = 0
    accountName = ""
    isSuspended = false
    isAccountDeleted = false
    directoryRequests = 0
    preferenceVersion = 0
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    accountVersion = try row.get("account_version")
    accountName = try row.get("account_name")
    email = try row.get("email")
    displayName = try row.get("display_name")
    givenName = try row.get("given_name")
    familyName = try row.get("family_name")
    phone = try row.get("phone")
    bio = try row.get("bio")
    avatarURL = try row.get("avatar_url")
    locale = try row.get("locale")
    timezone = try row.get("timezone")
    theme = try row.get("theme", as: String?.self).flatMap(Theme.init)
    isSuspended = try row.get("suspended")
    isAccountDeleted = try row.get("account_deleted")
    deletionDueAt = try row.get("deletion_due_at")
    erasureRequestedAt = try row.get("erasure_requested_at")
    erasedAt = try row.get("erased_at")
    directoryRequests = try row.get("directory_requests")
    directoryDueAt = try row.get("directory_due_at")
    preferenceVersion = try row.get("preference_version")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  /// Erased before anything, then a deletion that runs: what a user asked for is not hidden by a suspension.
  var status: Profile.Status {
    if erasedAt != nil { return .erased }
    if deletionDueAt != nil { return .pendingDeletion }
    return isSuspended ? .suspended : .active
  }

  /// Whether there is nobody any more whom it could belong to.
  var isGone: Bool { isAccountDeleted || erasedAt != nil }
  /// Whether name and address were ever copied, or never will be.
  var isComplete: Bool { accountVersion > 0 || isGone }

  /// Empty where the account is gone, also when a legal hold keeps it.
  var shownName: String { displayName ?? (isGone ? "" : accountName) }

  /// Of whom is gone without the copy of name and address, which a legal hold may keep: it is nobody's to be written to.
  func profile(_ configuration: UserConfiguration) -> Profile {
    Profile(
      id: id, displayName: shownName, givenName: givenName, familyName: familyName,
      email: isGone ? nil : email, phone: phone, bio: bio, avatarURL: avatarURL,
      locale: locale ?? configuration.defaultLocale,
      timezone: timezone ?? configuration.defaultTimezone, status: status, deletionDueAt: deletionDueAt,
      version: version, createdAt: createdAt, updatedAt: updatedAt)
  }

  /// Takes out everything that tells who it was.
  mutating func blank() {
    (accountName, email, displayName, givenName, familyName) = ("", nil, nil, nil, nil)
    (phone, bio, avatarURL, locale, timezone, theme) = (nil, nil, nil, nil, nil, nil)
  }
}
