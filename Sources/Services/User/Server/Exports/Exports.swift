import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTasks
import UserAPI

/// Asking for a copy of one's data, and getting it.
struct Exports: Sendable {
  let core: UserCore
  let profiles: Profiles
  let authentication: RecentAuthentication
  let envelope: Envelope
  /// Whether mails can have links at all.
  let hasPublicAddress: Bool

  /// Within a day.
  static let greatestDaily = 3

  /// Whoever is suspended, or waits for their erasure, may ask, too: GDPR 15 knows no exception for them.
  func request(by principal: Principal, once key: IdempotencyKey?) async throws -> Once<UserExport> {
    try Self.requireOwnLogin(principal)
    let user = try await profiles.own(principal).id
    let id = core.newID()
    // Who has to show two factors is not to get everything by a mail alone.
    let hasLink = hasPublicAddress && principal.assurance != "aal2"
    return try await core.database.write(once: key) { [core] transaction in
      try transaction.lock(UserRow.lockName(user))
      let now = try core.now(transaction)
      try Self.requirePresent(user, transaction)
      let store = ExportStore(transaction)
      if let open = try store.open(of: user) {
        throw Problem(
          409, "export_under_way", "An export is under way already",
          detail: "GET /api/v1/users/me/exports/\(open.id.lowercased) says how far it is.",
          extensions: ["export_id": .string(open.id.lowercased)])
      }
      guard try store.count(of: user, since: now - 86_400) < Self.greatestDaily else {
        throw Problem(
          429, "exports_limited", "There were \(Self.greatestDaily) exports within a day",
          detail: "The last archive can be downloaded until it expires.", retryAfter: 3600)
      }
      let row = ExportRow(
        id: id, user: user, services: [UserAPI.service] + core.configuration.erasureServices, hasLink: hasLink, at: now)
      try store.insert(row)
      try TaskQueue().enqueue(ExportCollector.task, ExportRequest(exportID: id), in: transaction)
      return row.export
    }
  }

  func list(_ request: PageRequest, of principal: Principal) async throws -> Page<UserExport> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try $0.id }
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in
      let rows = try ExportStore(transaction).list(of: user, before: before, limit: limit + 1)
      return Page(fetched: rows.map(\.export), limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func find(_ id: UUID, of principal: Principal) async throws -> UserExport {
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in try Self.existing(id, of: user, transaction).export }
  }

  // MARK: The archive

  /// For whoever has just shown who they are (RFC 9470).
  func download(_ id: UUID, by principal: Principal) async throws -> ContentStream {
    try Self.requireOwnLogin(principal)
    let user = try await profiles.own(principal).id
    try await authentication.require(of: principal)
    let row = try await core.read { transaction, now in
      try Self.requirePresent(user, transaction)
      let row = try Self.existing(id, of: user, transaction)
      guard row.state == .ready, let end = row.expiresAt, end > now else {
        throw Problem(
          409, "export_not_ready", "There is no archive to download", extensions: ["state": .string(row.state.rawValue)]
        )
      }
      return row
    }
    return stream(row)
  }

  /// Whether the link of a mail still works.
  func isGood(_ link: UserExportLink) async throws -> Bool {
    try await core.read { transaction, now in try Self.linked(link, transaction, now) != nil }
  }

  /// Uses the link up before the first byte goes.
  /// - Throws: `Problem` 404, the same for a link that was used, is too old, or never was.
  func download(_ link: UserExportLink) async throws -> ContentStream {
    let row = try await core.write { transaction, now in
      guard var row = try Self.linked(link, transaction, now) else {
        throw Problem(
          404, "not_found", "This link is not good any more",
          detail: "It works once. Sign in to download the archive again, or ask for another one.")
      }
      row.linkHash = nil
      try ExportStore(transaction).update(row)
      return row
    }
    return stream(row)
  }

  private static func linked(
    _ link: UserExportLink, _ transaction: any Transaction, _ now: Date
  ) throws -> ExportRow? {
    guard let hash = UserSecrets.hash(token: link.token), let row = try ExportStore(transaction).find(link: hash),
      let kept = row.linkHash, ConstantTime.areEqual(kept, hash), row.state == .ready, let end = row.expiresAt,
      end > now, try isPresent(row.user, transaction)
    else { return nil }
    return row
  }

  /// Chunk by chunk, as fast as it is read.
  private func stream(_ row: ExportRow) -> ContentStream {
    let day = WireTime.string(row.requestedAt).prefix(10)
    return ContentStream(size: Int(row.size), fileName: "export-\(day).zip") { [core, envelope] write in
      for number in 0..<row.chunks {
        let sealed = try await core.read { transaction, _ in try ExportStore(transaction).chunk(number, of: row.id) }
        guard let sealed else { throw ArchiveGone() }
        try await write(try envelope.open(sealed, context: ExportCollector.context(number, of: row.id)))
      }
    }
  }

  /// It expired while it was read.
  private struct ArchiveGone: Error {}

  private static func existing(_ id: UUID, of user: UUID, _ transaction: any Transaction) throws -> ExportRow {
    guard let row = try ExportStore(transaction).find(id), row.user == user else { throw Problem.notFound("export") }
    return row
  }

  private static func requirePresent(_ user: UUID, _ transaction: any Transaction) throws {
    guard try isPresent(user, transaction) else { throw Problem.notFound("user") }
  }

  /// Whether nobody began to erase them: from then on nothing leaves that is to go.
  private static func isPresent(_ user: UUID, _ transaction: any Transaction) throws -> Bool {
    guard let row = try UserStore(transaction).find(user) else { return false }
    return row.isComplete && !row.isGone && row.erasureRequestedAt == nil
  }

  /// Everything about a person is for who logged in, not for a client that was let in, nor for a key.
  private static func requireOwnLogin(_ principal: Principal) throws {
    guard principal.scope == nil, principal.clientID == nil, principal.sessionID != nil else {
      throw Problem(
        403, "login_required", "That takes a login of one's own",
        detail: "Use a token of /api/v1/auth/login, not one of a client or of a key.")
    }
  }
}

extension UserService {
  /// Decodes, calls, encodes; nothing else.
  func bindExports(_ routes: inout Routes) {
    let exports = exports
    routes.on(UserAPI.requestExport) { _, scope in
      scope.unwrap(try await exports.request(by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.exports) { request, scope in try await exports.list(request, of: scope.principal) }
    routes.on(UserAPI.export) { request, scope in try await exports.find(request.id, of: scope.principal) }
    routes.download(UserAPI.downloadExport) { request, scope in
      try await exports.download(request.id, by: scope.principal)
    }
    routes.on(UserAPI.exportLink) { request, scope in
      ExportPage(
        token: try await exports.isGood(request) ? request.token : nil, language: scope.header("Accept-Language")
      ).reply(scope)
    }
    routes.download(UserAPI.downloadExportByLink) { request, _ in try await exports.download(request) }
  }
}
