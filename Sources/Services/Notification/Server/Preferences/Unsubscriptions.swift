import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityTasks
import NotificationAPI
import UserAPI

/// What becomes of the link in a mail: a page with a button, and the button.
struct Unsubscriptions: Sendable {
  let core: NotificationCore
  let links: UnsubscribeLinks

  /// Has the user service switch it off, where the user can switch it on again.
  static let task = TaskType<OptOut>("notifications.opt_out", maximumAttempts: 100)

  /// nil when the token is not good.
  func page(_ token: String) async throws -> MessageCategory? {
    try await core.read { [links] _, now in links.claim(token, now: now)?.category }
  }

  /// Holds from its return on. May be done again.
  /// - Returns: nil when the token is not good.
  func unsubscribe(_ token: String) async throws -> MessageCategory? {
    try await core.write { [core, links] transaction, now in
      guard let claim = links.claim(token, now: now), claim.category != .security else { return nil }
      if let user = claim.reader.user {
        // Nothing is sent to them any more, and nothing is to be kept of them.
        guard try !NotificationStore(transaction).isErased(user) else { return claim.category }
        try core.tasks.enqueue(Self.task, OptOut(userID: user, category: claim.category), in: transaction)
      }
      try OptOutStore(transaction).insert(claim.reader, claim.category, at: now)
      return claim.category
    }
  }

  /// What the task does.
  static func handOver(_ optOut: OptOut, _ core: NotificationCore, _ directory: any RecipientDirectory) async throws {
    guard let category = NotificationCategory(rawValue: optOut.category.rawValue),
      try await directory.switchOff(.email, category, of: optOut.userID)
    else { return }
    try await core.database.write { try OptOutStore($0).delete(.user(optOut.userID), optOut.category) }
  }
}

struct OptOut: Codable, Sendable {
  var userID: UUID
  var category: MessageCategory
  enum CodingKeys: String, CodingKey {
    case category
    case userID = "user_id"
  }
}

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bindUnsubscriptions(_ routes: inout Routes) {
    let unsubscriptions = unsubscriptions
    routes.on(NotificationAPI.unsubscriptionPage) { request, scope in
      let category = try await unsubscriptions.page(request.token)
      return UnsubscriptionPage(asking: category, language: scope.header("Accept-Language")).reply(scope)
    }
    routes.on(NotificationAPI.unsubscribe) { request, scope in
      let category = try await unsubscriptions.unsubscribe(request.token)
      return UnsubscriptionPage(done: category, language: scope.header("Accept-Language")).reply(scope)
    }
  }
}
