public import Foundation
public import GravityContracts

// MARK: - Mail

extension AuthAPI {
  static let mailEndpoints: [any EndpointDescription] = [deadMail, retryDeadMail]

  public static let deadMail = Endpoint<PageRequest, Page<DeadMail>>(
    "deadMail", .get, "/api/v1/auth/mail/dead-letters", access: .permission("accounts:read"),
    summary: "Messages that could not be handed over while they made sense, or were refused; kept for a week")

  public static let retryDeadMail = Endpoint<DeadMailID, Empty>(
    "retryDeadMail", .post, "/api/v1/auth/mail/dead-letters/{id}/retry", access: .permission("accounts:write"),
    summary: "Hand a message over after all, with a new token if it has one", success: 202, problems: ["not_found"])
}

/// A message of auth's own that nobody tries any more. Its token, if it was to have one, is in nothing that is shown.
public struct DeadMail: Codable, Sendable, Hashable {
  public var id: UUID
  /// `verification`, `recovery`, `email_replaced`, …
  public var kind: String
  public var email: String
  public var attempts: Int64
  /// What went wrong last, for an operator.
  public var error: String?
  public var diedAt: Date

  public init(id: UUID, kind: String, email: String, attempts: Int64, error: String?, diedAt: Date) {
    self.id = id
    self.kind = kind
    self.email = email
    self.attempts = attempts
    self.error = error
    self.diedAt = diedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, kind, email, attempts, error
    case diedAt = "died_at"
  }
}

public struct DeadMailID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}
