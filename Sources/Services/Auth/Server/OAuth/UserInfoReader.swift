import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity

/// OpenID Connect Core §5.3.
struct UserInfoReader: Sendable {
  let core: AuthCore

  /// - Throws: `Problem` 403 `insufficient_scope` (RFC 6750 §3.1), 401 when there is no such account any more.
  func read(_ principal: Principal) async throws -> UserInfo {
    let scopes = Set(principal.scope?.map(\.rawValue) ?? StandardScope.all)
    guard scopes.contains(StandardScope.openID) else {
      throw Problem(403, "insufficient_scope", "The token's scope has no openid")
    }
    guard !principal.isService, let id = UUID(uuidString: principal.subject) else {
      throw Problem.unauthenticated(.invalid)
    }
    let found = try await core.read { transaction, _ in try AccountStore(transaction).find(id) }
    guard let account = found, account.status == .active else { throw Problem.unauthenticated(.invalid) }
    var info = UserInfo(sub: account.id.lowercased)
    if scopes.contains(StandardScope.profile) {
      info.name = account.name
      info.updatedAt = Int64(account.updatedAt.timeIntervalSince1970)
    }
    if scopes.contains(StandardScope.email) {
      info.email = account.email
      info.emailVerified = account.emailVerified
    }
    return info
  }
}
