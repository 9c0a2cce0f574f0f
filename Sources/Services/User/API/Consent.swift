public import Foundation
public import GravityContracts

/// What people are asked to agree to, in one version. It never changes: other words are another version.
public struct ConsentDocument: Codable, Sendable, Hashable {
  /// What it is for: `marketing`, `terms`.
  public var purpose: String
  /// 1, 2, 3, … of each purpose.
  public var version: Int64
  public var title: String
  public var text: String
  /// SHA-256 of the text in UTF-8, hexadecimal.
  public var digest: String
  public var publishedAt: Date
  /// Who published it.
  public var publishedBy: String

  public init(
    purpose: String, version: Int64, title: String, text: String, digest: String, publishedAt: Date,
    publishedBy: String
  ) {
    self.purpose = purpose
    self.version = version
    self.title = title
    self.text = text
    self.digest = digest
    self.publishedAt = publishedAt
    self.publishedBy = publishedBy
  }

  enum CodingKeys: String, CodingKey {
    case purpose, version, title, text, digest
    case publishedAt = "published_at"
    case publishedBy = "published_by"
  }
}

public struct NewConsentDocument: Codable, Sendable {
  /// 1 to 50 lower-case letters, digits, `_` and `-`, a letter first.
  public var purpose: String
  /// 1 to 200 characters.
  public var title: String
  /// 1 to 20 000 characters.
  public var text: String

  public init(purpose: String, title: String, text: String) {
    self.purpose = purpose
    self.title = title
    self.text = text
  }
}

public struct ConsentDocumentSearch: Codable, Sendable {
  /// All versions of that purpose, the newest first; the current version of each purpose unless it is given.
  public var purpose: String?
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(purpose: String? = nil, limit: Int? = nil, cursor: Cursor? = nil) {
    self.purpose = purpose
    self.limit = limit
    self.cursor = cursor
  }
}

public enum ConsentDecision: String, Codable, Sendable, CaseIterable { case given, withdrawn }

public struct ConsentChange: Codable, Sendable {
  public var purpose: String
  public var decision: ConsentDecision
  /// The version that was read. Needed to give consent, and must be the current one; to withdraw none is needed.
  public var version: Int64?
  /// Where it was said, such as `web` or `ios-app`: 1 to 50 lower-case letters, digits, `_` and `-`.
  public var source: String

  public init(purpose: String, decision: ConsentDecision, version: Int64? = nil, source: String) {
    self.purpose = purpose
    self.decision = decision
    self.version = version
    self.source = source
  }
}

/// What somebody said at one time. It is never changed or deleted.
public struct ConsentRecord: Codable, Sendable, Hashable {
  public var id: UUID
  public var purpose: String
  /// Of the document that it is about.
  public var version: Int64
  public var decision: Open<ConsentDecision>
  public var source: String
  public var at: Date

  public init(
    id: UUID, purpose: String, version: Int64, decision: Open<ConsentDecision>, source: String, at: Date
  ) {
    self.id = id
    self.purpose = purpose
    self.version = version
    self.decision = decision
    self.source = source
    self.at = at
  }
}

/// What holds now for one purpose: the latest record.
public struct ConsentState: Codable, Sendable, Hashable {
  public var record: ConsentRecord
  /// The latest version there is.
  public var currentVersion: Int64
  /// Whether consent was given and not withdrawn.
  public var isGiven: Bool
  /// Whether it was given to the latest version.
  public var isCurrent: Bool

  public init(record: ConsentRecord, currentVersion: Int64) {
    self.record = record
    self.currentVersion = currentVersion
    isGiven = record.decision == .known(.given)
    isCurrent = isGiven && record.version == currentVersion
  }

  enum CodingKeys: String, CodingKey {
    case record
    case currentVersion = "current_version"
    case isGiven = "given"
    case isCurrent = "current"
  }
}

/// Bounded by the number of purposes, so it is one page.
public struct ConsentStateList: Codable, Sendable, Hashable {
  public var items: [ConsentState]
  public init(items: [ConsentState]) { self.items = items }
}

public struct UserConsentSearch: Codable, Sendable {
  public var id: UUID
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(id: UUID, limit: Int? = nil, cursor: Cursor? = nil) {
    self.id = id
    self.limit = limit
    self.cursor = cursor
  }
}

extension UserAPI {
  public static let consentPermission: Permission = "users:consents"

  static let consentEndpoints: [any EndpointDescription] = [
    publishConsentDocument, consentDocuments, consents, changeConsent, consentHistory, userConsentHistory,
  ]

  public static let publishConsentDocument = Endpoint<NewConsentDocument, ConsentDocument>(
    "publishConsentDocument", .post, "/api/v1/consent-documents", access: .permission(consentPermission),
    summary: "Publish the next version of what people agree to", success: 201, idempotency: .accepted,
    problems: ["too_many_purposes"])

  public static let consentDocuments = Endpoint<ConsentDocumentSearch, Page<ConsentDocument>>(
    "consentDocuments", .get, "/api/v1/consent-documents", access: .public,
    summary: "What people agree to: the current version of each purpose, or all versions of one")

  public static let consents = Endpoint<Empty, ConsentStateList>(
    "consents", .get, "/api/v1/users/me/consents", access: .authenticated,
    summary: "What one agreed to, and whether that was the latest version",
    problems: ["not_found", "directory_unavailable"])

  public static let changeConsent = Endpoint<ConsentChange, ConsentRecord>(
    "changeConsent", .post, "/api/v1/users/me/consents", access: .authenticated,
    summary: "Give or withdraw consent; the same again changes nothing", success: 201, idempotency: .accepted,
    problems: ["not_found", "document_outdated", "too_many_changes", "directory_unavailable"])

  public static let consentHistory = Endpoint<PageRequest, Page<ConsentRecord>>(
    "consentHistory", .get, "/api/v1/users/me/consents/history", access: .authenticated,
    summary: "Everything that one said about consent, the newest first",
    problems: ["not_found", "directory_unavailable"])

  public static let userConsentHistory = Endpoint<UserConsentSearch, Page<ConsentRecord>>(
    "userConsentHistory", .get, "/api/v1/users/{id}/consents/history", access: .permission(consentPermission),
    summary: "Everything that a user said about consent, also one who is erased", problems: ["not_found"])
}
