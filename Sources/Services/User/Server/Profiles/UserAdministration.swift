import Foundation
import GravityContracts
import GravityData
import UserAPI

/// What administrators see of users.
struct UserAdministration: Sendable {
  let core: UserCore
  let profiles: Profiles

  func list(_ request: UserSearch) async throws -> Page<Profile> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let email = try request.email.map(Self.address)
    let words = try request.q.map(Self.words) ?? []
    return try await core.read { [core] transaction, _ in
      let rows = try UserStore(transaction).list(
        after: after, status: request.status, email: email, words: words, limit: limit + 1)
      return Page(fetched: rows.map { $0.profile(core.configuration) }, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func find(_ id: UUID) async throws -> Profile {
    guard let profile = try await profiles.find(id) else { throw Problem.notFound("user") }
    return profile
  }

  /// As auth keeps addresses: trimmed, NFC, lower case.
  private static func address(_ text: String) throws -> String {
    let kept = text.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping.lowercased()
    guard kept.contains("@"), kept.utf8.count <= 254 else {
      throw Problem.invalid("email", "format", "is not an e-mail address")
    }
    return kept
  }

  private static func words(_ text: String) throws -> [String] {
    guard text.unicodeScalars.count <= 320 else {
      throw Problem.invalid("q", "too_long", "must have at most 320 characters")
    }
    let words = SearchTerms.query(text)
    guard (1...SearchTerms.greatestQuery).contains(words.count) else {
      throw Problem.invalid("q", "format", "must have one to \(SearchTerms.greatestQuery) words")
    }
    return words
  }
}
