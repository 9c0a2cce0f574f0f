import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// What somebody does with their own profile.
struct Profiles: Sendable {
  let core: UserCore
  let reader: any ProfileReader
  let copies: AccountCopies

  /// The caller's profile. Whoever comes before their account was heard of gets it made on the spot.
  /// - Throws: `Problem` 404 when there is no such account any more, 503 when auth cannot be asked.
  func own(_ principal: Principal) async throws -> Profile {
    guard let profile = try await find(principal.accountID), !profile.isGone else { throw Problem.notFound("user") }
    return profile
  }

  func find(_ id: UUID) async throws -> Profile? {
    if let profile = try await reader.profile(id) { return profile }
    guard try await copies.refresh(id) else { return nil }
    // Past a cache that may be asking since before there was one.
    return try await DatabaseProfiles(database: core.database, configuration: core.configuration).profile(id)
  }

  func update(_ request: ProfileUpdate, of principal: Principal, _ precondition: Precondition) async throws -> Profile {
    let changes = try ProfileChanges(request)
    let id = try await own(principal).id
    let profile = try await core.write(of: id) { [core] transaction, now in
      let old = try core.writableRow(id, transaction)
      try precondition.require(old.profile(core.configuration).entityTag)
      var row = old
      changes.apply(to: &row)
      return try core.saveIfChanged(row, after: old, transaction, now).profile(core.configuration)
    }
    await reader.changed(profile)
    return profile
  }
}

/// A checked ``ProfileUpdate``.
struct ProfileChanges: Sendable {
  private let request: ProfileUpdate

  /// - Throws: `Problem` 422 with everything that is wrong.
  init(_ request: ProfileUpdate) throws {
    var (checked, errors) = (request, [Problem.FieldError]())
    func check(
      _ field: WritableKeyPath<ProfileUpdate, Patch<String>>, _ rule: (String, inout [Problem.FieldError]) -> String?
    ) {
      guard case .value(let text) = request[keyPath: field] else { return }
      if let kept = rule(text, &errors) { checked[keyPath: field] = .value(kept) }
    }
    check(\.displayName, PlainText("display_name", of: ProfileUpdate.self).checked)
    check(\.givenName, PlainText("given_name", of: ProfileUpdate.self).checked)
    check(\.familyName, PlainText("family_name", of: ProfileUpdate.self).checked)
    check(\.bio, PlainText("bio", of: ProfileUpdate.self).checked)
    check(\.avatarURL) { Self.avatar($0, "avatar_url", &$1) }
    check(\.phone) { Self.phone($0, "phone", &$1) }
    check(\.locale) { Self.locale($0, "locale", &$1) }
    check(\.timezone) { Self.timezone($0, "timezone", &$1) }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    self.request = checked
  }

  func apply(to row: inout UserRow) {
    row.displayName = request.displayName.applied(to: row.displayName)
    row.givenName = request.givenName.applied(to: row.givenName)
    row.familyName = request.familyName.applied(to: row.familyName)
    row.phone = request.phone.applied(to: row.phone)
    row.bio = request.bio.applied(to: row.bio)
    row.avatarURL = request.avatarURL.applied(to: row.avatarURL)
    row.locale = request.locale.applied(to: row.locale)
    row.timezone = request.timezone.applied(to: row.timezone)
  }

  static func phone(_ text: String, _ field: String, _ errors: inout [Problem.FieldError]) -> String? {
    let number = PhoneNumber(text)
    if number == nil { errors.append(.init(field: field, code: "format", message: PhoneNumber.rule)) }
    return number?.text
  }

  static func avatar(_ text: String, _ field: String, _ errors: inout [Problem.FieldError]) -> String? {
    let address = AvatarURL(text)
    if address == nil { errors.append(.init(field: field, code: "format", message: AvatarURL.rule)) }
    return address?.text
  }

  static func locale(_ text: String, _ field: String, _ errors: inout [Problem.FieldError]) -> String? {
    let tag = LanguageTag(text)
    if tag == nil {
      errors.append(.init(field: field, code: "format", message: "must be a BCP 47 language tag such as pt-BR"))
    }
    return tag?.text
  }

  static func timezone(_ text: String, _ field: String, _ errors: inout [Problem.FieldError]) -> String? {
    let name = TimeZoneName(text)
    if name == nil {
      errors.append(.init(field: field, code: "unknown", message: "must be an IANA time zone such as Europe/Berlin"))
    }
    return name?.text
  }
}
