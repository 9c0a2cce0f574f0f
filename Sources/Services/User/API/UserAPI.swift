public import GravityContracts

/// What others may know of the user service: port 8002, database user_db.
public enum UserAPI {
  /// Where the service is found.
  public static let service = "user"
  public static let standardPort = 8002

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] =
    [
      profile, updateProfile, deleteProfile, restoreProfile, preferences, preference, putPreference, patchPreference,
      deletePreference,
      addresses, createAddress, address, updateAddress, deleteAddress, users, user,
    ] + notificationEndpoints + erasureEndpoints + consentEndpoints + teamEndpoints + inviteEndpoints + exportEndpoints
}

// MARK: - One's own profile

extension UserAPI {
  public static let profile = Endpoint<Empty, Profile>(
    "profile", .get, "/api/v1/users/me", access: .authenticated, summary: "The caller's own profile",
    problems: ["not_found", "directory_unavailable"])

  public static let updateProfile = Endpoint<ProfileUpdate, Profile>(
    "updateProfile", .patch, "/api/v1/users/me", access: .authenticated,
    summary: "Change one's own profile; null takes a value away", precondition: .accepted,
    problems: ["not_found", "user_suspended", "deletion_pending", "directory_unavailable"])

  /// The data stay until ``Profile/deletionDueAt``, so that one can come back. 401 `insufficient_user_authentication` unless
  /// one authenticated within ten minutes (RFC 9470).
  public static let deleteProfile = Endpoint<Empty, Profile>(
    "deleteProfile", .delete, "/api/v1/users/me", access: .authenticated,
    summary: "Have one's own data erased when the time of grace is over", success: 202, precondition: .accepted,
    problems: ["not_found", "last_administrator", "insufficient_user_authentication", "directory_unavailable"])

  public static let restoreProfile = Endpoint<Empty, Profile>(
    "restoreProfile", .post, "/api/v1/users/me/restore", access: .authenticated,
    summary: "Take the wish to be erased back, within the time of grace",
    problems: ["not_found", "grace_over", "directory_unavailable"])
}

// MARK: - Preferences

extension UserAPI {
  public static let preferences = Endpoint<Empty, PreferenceList>(
    "preferences", .get, "/api/v1/users/me/preferences", access: .authenticated,
    summary: "All of one's preferences, built-in ones first", problems: ["not_found", "directory_unavailable"])

  public static let preference = Endpoint<PreferenceName, Preference>(
    "preference", .get, "/api/v1/users/me/preferences/{namespace}", access: .authenticated,
    summary: "One namespace: general, notifications, or app.<name>", problems: ["not_found", "directory_unavailable"])

  public static let putPreference = Endpoint<PreferenceWrite, Preference>(
    "putPreference", .put, "/api/v1/users/me/preferences/{namespace}", access: .authenticated,
    summary: "Replace a namespace; what is left out of a built-in one takes its default", precondition: .accepted,
    problems: preferenceProblems)

  /// The body is a merge patch (RFC 7396) of what GET gives, of which `value` may change.
  public static let patchPreference = Endpoint<PreferenceWrite, Preference>(
    "patchPreference", .patch, "/api/v1/users/me/preferences/{namespace}", access: .authenticated,
    summary: "Merge into a namespace (RFC 7396): null takes a member away, or back to its default",
    precondition: .accepted, problems: preferenceProblems)

  public static let deletePreference = Endpoint<PreferenceName, Empty>(
    "deletePreference", .delete, "/api/v1/users/me/preferences/{namespace}", access: .authenticated,
    summary: "Delete a namespace; a built-in one goes back to its defaults", precondition: .accepted,
    problems: preferenceProblems)

  private static let preferenceProblems: [ProblemCode] = [
    "not_found", "user_suspended", "deletion_pending", "too_many_namespaces", "directory_unavailable",
  ]
}

// MARK: - Addresses

extension UserAPI {
  public static let addresses = Endpoint<PageRequest, Page<PostalAddress>>(
    "addresses", .get, "/api/v1/users/me/addresses", access: .authenticated, summary: "One's addresses by age",
    problems: ["not_found", "directory_unavailable"])

  public static let createAddress = Endpoint<NewPostalAddress, PostalAddress>(
    "createAddress", .post, "/api/v1/users/me/addresses", access: .authenticated,
    summary: "Add an address; the first becomes the default for everything", success: 201, idempotency: .accepted,
    problems: ["not_found", "user_suspended", "deletion_pending", "too_many_addresses", "directory_unavailable"])

  public static let address = Endpoint<PostalAddressID, PostalAddress>(
    "address", .get, "/api/v1/users/me/addresses/{id}", access: .authenticated, owned: true,
    problems: ["not_found", "directory_unavailable"])

  public static let updateAddress = Endpoint<PostalAddressUpdate, PostalAddress>(
    "updateAddress", .patch, "/api/v1/users/me/addresses/{id}", access: .authenticated,
    summary: "Change an address, or make it a default", owned: true, precondition: .accepted,
    problems: ["not_found", "user_suspended", "deletion_pending", "directory_unavailable"])

  public static let deleteAddress = Endpoint<PostalAddressID, Empty>(
    "deleteAddress", .delete, "/api/v1/users/me/addresses/{id}", access: .authenticated,
    summary: "Delete an address; if it was a default, the one used last becomes that", owned: true,
    precondition: .accepted, problems: ["not_found", "user_suspended", "deletion_pending", "directory_unavailable"])
}

// MARK: - Administration

extension UserAPI {
  public static let users = Endpoint<UserSearch, Page<Profile>>(
    "users", .get, "/api/v1/users", access: .permission("users:read"),
    summary: "Users by age; q finds beginnings of words of names and e-mail addresses")

  public static let user = Endpoint<UserID, Profile>(
    "user", .get, "/api/v1/users/{id}", access: .permission("users:read"),
    summary: "A user; of an erased one only that there was one", problems: ["not_found", "directory_unavailable"])
}
