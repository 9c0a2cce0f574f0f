import Foundation
import GravityContracts
import GravityData
import GravityTasks
import UserAPI

/// What waits to be told to somebody. No token is in it: it is computed when the mail is sent.
struct UserMailRequest: Codable, Sendable, Hashable {
  enum Kind: String, Codable, Sendable {
    case teamInvite = "team_invite"
    case exportReady = "export_ready"
  }

  /// The mail's.
  var id: UUID
  var kind: Kind
  /// The invitation's, or the export's.
  var about: UUID
  /// Of the token; a mail of an earlier one is not sent any more.
  var generation: Int64
}

/// The mails that this service has sent: asked for in the transaction that gives the reason, sent by a task.
struct UserMails: Sendable {
  /// Tried for a day or so; then it is a dead task, which an operator may have tried again.
  static let task = TaskType<UserMailRequest>("users.send_mail", timeout: .seconds(30))

  let core: UserCore
  let notifier: any UserNotifier
  let secrets: UserSecrets
  /// Where people reach the platform: `https://shop.example.com`; without it mails have no links.
  let base: String?

  func request(_ request: UserMailRequest, in transaction: any Transaction) throws {
    try TaskQueue().enqueue(Self.task, request, in: transaction)
  }

  func handle(on worker: TaskWorker) {
    worker.handle(Self.task, concurrency: 4) { request, _ in
      do { try await send(request) } catch let error as UserMessageRefused { throw TaskFailure.permanent(error.reason) }
    }
  }

  func send(_ request: UserMailRequest) async throws {
    let message = try await core.read { transaction, now in
      switch request.kind {
      case .teamInvite: try invitation(request, transaction, now)
      case .exportReady: try export(request, transaction, now)
      }
    }
    if let message { try await notifier.send(message) }
  }

  /// nil when it was answered, revoked or sent again since.
  private func invitation(
    _ request: UserMailRequest, _ transaction: any Transaction, _ now: Date
  ) throws -> UserMessage? {
    guard let invite = try TeamInviteStore(transaction).find(request.about), invite.state == .pending,
      invite.generation == request.generation, invite.expiresAt > now,
      let team = try TeamStore(transaction).find(invite.team)
    else { return nil }
    let users = UserStore(transaction)
    let inviter = try invite.invitedBy.flatMap { try users.find($0) }?.profile(core.configuration)
    let invited = try users.list(after: nil, status: .active, email: invite.email, words: [], limit: 1).first
    let token = secrets.token(.teamInvite, invite.id, invite.generation)
    var details: [String: JSONValue] = [
      "team": .string(team.name), "token": .string(token), "days": .integer(Int64(invite.days)),
    ]
    if let name = inviter?.displayName, !name.isEmpty { details["inviter"] = .string(name) }
    return UserMessage(
      id: request.id, template: "team.invite", address: invite.email, account: invited?.id,
      locale: invited == nil ? inviter?.locale : nil, data: JSONObject(["invite": .object(details)]),
      expiresAt: invite.expiresAt)
  }

  /// nil when the archive is gone.
  private func export(
    _ request: UserMailRequest, _ transaction: any Transaction, _ now: Date
  ) throws -> UserMessage? {
    guard let row = try ExportStore(transaction).find(request.about), row.state == .ready,
      let expiresAt = row.expiresAt, expiresAt > now
    else { return nil }
    let days = max(1, Int64((expiresAt.timeIntervalSince(now) / 86_400).rounded()))
    var details: [String: JSONValue] = ["days": .integer(days)]
    if row.hasLink, let base {
      let token = secrets.token(.exportLink, row.id, 1)
      details["link"] = .string("\(base)\(UserAPI.exportLink.path)?token=\(token)")
    }
    return UserMessage(
      id: request.id, template: "export.ready", address: nil, account: row.user, locale: nil,
      data: JSONObject(["export": .object(details)]), expiresAt: expiresAt)
  }
}
