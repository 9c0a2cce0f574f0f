public import Foundation
public import GravityContracts

/// What the user service tells others. Ids only: whoever needs more asks for it. Suspension is auth's to tell.
public enum UserEvents {
  public static let all: [any EventDescription] =
    [
      userUpdated, deletionRequested, deletionCancelled, erasureRequested, userErased, preferencesChanged,
    ] + TeamEvents.all + UserExportEvents.all

  public static let userUpdated = EventType<ProfileEvent>(
    "user.updated.v1", summary: "A profile, or the status in it, has another version")
  public static let deletionRequested = EventType<UserEvent>(
    "user.deletion_requested.v1", summary: "A user asked to be erased; the time of grace begins")
  public static let deletionCancelled = EventType<UserEvent>(
    "user.deletion_cancelled.v1", summary: "A user took it back within the time of grace")
  public static let erasureRequested = EventType<UserEvent>(
    "user.erasure_requested.v1", summary: "The grace is over: whoever holds the user's data is to erase them")
  public static let userErased = EventType<UserEvent>(
    "user.erased.v1", summary: "The user's profile is erased; the id is never used again")
  public static let preferencesChanged = EventType<PreferenceEvent>(
    "user.preferences_changed.v1", summary: "A namespace of a user's preferences changed")
}

public struct UserEvent: Codable, Sendable, Hashable {
  public var userID: UUID
  public init(userID: UUID) { self.userID = userID }
  enum CodingKeys: String, CodingKey { case userID = "user_id" }
}

public struct ProfileEvent: Codable, Sendable, Hashable {
  public var userID: UUID
  /// ``Profile/version``.
  public var version: Int64

  public init(userID: UUID, version: Int64) {
    self.userID = userID
    self.version = version
  }

  enum CodingKeys: String, CodingKey {
    case userID = "user_id"
    case version
  }
}

public struct PreferenceEvent: Codable, Sendable, Hashable {
  public var userID: UUID
  /// `general`, `notifications` or `app`: names of the applications' own are not told.
  public var namespace: String

  public init(userID: UUID, namespace: String) {
    self.userID = userID
    self.namespace = namespace
  }

  enum CodingKeys: String, CodingKey {
    case userID = "user_id"
    case namespace
  }
}
