public import Foundation
public import GravityContracts

/// A message of this service to one person. What is secret in its data goes to that person and nowhere else.
public struct UserMessage: Sendable, Hashable {
  /// Stays the same when the message is sent again.
  public var id: UUID
  /// The template's name: `team.invite`, `export.ready`.
  public var template: String
  /// Where it goes; the account's own address where it is nil.
  public var address: String?
  /// The account that it is for, if there is one.
  public var account: UUID?
  /// Where there is no account, which has its own.
  public var locale: String?
  public var data: JSONObject
  /// What it carries is good until then.
  public var expiresAt: Date

  public init(
    id: UUID, template: String, address: String?, account: UUID?, locale: String?, data: JSONObject, expiresAt: Date
  ) {
    self.id = id
    self.template = template
    self.address = address
    self.account = account
    self.locale = locale
    self.data = data
    self.expiresAt = expiresAt
  }
}

/// Sends messages to people: ``RemoteUserNotifier``.
public protocol UserNotifier: Sendable {
  /// Returns when the message is taken over for good; one that throws is tried again with the same id.
  /// - Throws: ``UserMessageRefused`` when trying again is no use.
  func send(_ message: UserMessage) async throws
}

/// A message that will not be taken over as it is; somebody has to look.
public struct UserMessageRefused: Error, Sendable, Hashable {
  /// For an operator; holds no token.
  public var reason: String
  public init(reason: String) { self.reason = reason }
}
