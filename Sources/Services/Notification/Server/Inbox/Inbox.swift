import Foundation
import GravityContracts
import GravityHTTP
import GravityIdentity
import NotificationAPI

/// What users do with what they were told in the application.
struct Inbox: Sendable {
  let core: NotificationCore

  func list(_ query: InboxQuery, of user: UUID) async throws -> Page<InboxItem> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { cursor in
      guard cursor.parts.count == 1, let number = Int64(cursor.parts[0]) else { throw TemplateBook.wrongCursor }
      return number
    }
    return try await core.read { transaction, now in
      let rows = try InboxStore(transaction).list(of: user, before: before, query, at: now, limit: limit + 1)
      let numbers = Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0.number) })
      return Page(fetched: rows.map(\.item), limit: limit) { Cursor(["\(numbers[$0.id] ?? 0)"]) }
    }
  }

  func counts(of user: UUID) async throws -> InboxCounts {
    try await core.read { transaction, now in try InboxStore(transaction).counts(of: user, at: now) }
  }

  func update(_ change: InboxItemChange, of user: UUID) async throws -> InboxItem {
    guard change.read != nil || change.archived != nil else {
      throw Problem.invalid("read", "required", "read or archived says what is to change")
    }
    return try await core.write { transaction, now in
      guard let row = try InboxStore(transaction).update(change.id, of: user, change, at: now) else {
        throw Problem.notFound("message")
      }
      return row.item
    }
  }

  func delete(_ id: UUID, of user: UUID) async throws {
    try await core.write { transaction, _ in
      guard try InboxStore(transaction).delete(id, of: user) else { throw Problem.notFound("message") }
    }
  }

  func mark(_ mark: InboxStore.Mark, _ request: InboxMark, of user: UUID) async throws -> InboxCounts {
    try await core.write { transaction, now in
      let store = InboxStore(transaction)
      guard let newest = try store.find(request.upTo, of: user) else { throw Problem.notFound("message") }
      try store.mark(mark, upTo: newest.number, of: user, at: now)
      return try store.counts(of: user, at: now)
    }
  }
}

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bindInbox(_ routes: inout Routes) {
    let (inbox, streams) = (Inbox(core: core), streams)
    routes.on(NotificationAPI.inbox) { request, scope in
      try await inbox.list(request, of: try scope.principal.accountID)
    }
    routes.on(NotificationAPI.inboxCounts) { _, scope in try await inbox.counts(of: try scope.principal.accountID) }
    routes.stream(NotificationAPI.inboxStream) { _, scope in
      try streams.open(of: try scope.principal.accountID, after: scope.header("Last-Event-ID"))
    }
    routes.on(NotificationAPI.updateInboxItem) { request, scope in
      try await inbox.update(request, of: try scope.principal.accountID)
    }
    routes.on(NotificationAPI.deleteInboxItem) { request, scope in
      try await inbox.delete(request.id, of: try scope.principal.accountID)
      return Empty()
    }
    routes.on(NotificationAPI.readInbox) { request, scope in
      try await inbox.mark(.read, request, of: try scope.principal.accountID)
    }
    routes.on(NotificationAPI.seeInbox) { request, scope in
      try await inbox.mark(.seen, request, of: try scope.principal.accountID)
    }
  }
}
