import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityHTTP

/// What the interface does with messages that nobody tries any more.
struct DeadMails: Sendable {
  let core: AuthCore

  func list(_ query: PageRequest) async throws -> Page<DeadMail> {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { try $0.id }
    return try await core.read { transaction, _ in
      Page(fetched: try MailRequestStore(transaction).dead(after: after, limit: limit + 1), limit: limit) {
        Cursor([$0.id.lowercased])
      }
    }
  }

  func retry(_ id: UUID) async throws {
    try await core.write { transaction, now in
      let store = MailRequestStore(transaction)
      guard let row = try store.findDead(id) else { throw Problem.notFound("dead letter") }
      try store.revive(id, now: now, expiresAt: now + MailQueue.lifetime(of: row.purpose))
    }
  }
}

extension AuthService {
  /// Decodes, calls, encodes; nothing else.
  func bindMail(_ routes: inout Routes) {
    let dead = DeadMails(core: core)
    routes.on(AuthAPI.deadMail) { request, _ in try await dead.list(request) }
    routes.on(AuthAPI.retryDeadMail) { request, _ in
      try await dead.retry(request.id)
      return Empty()
    }
  }
}
