public import Foundation
public import GravityContracts

/// A copy of what the platform knows of a person (GDPR 15 and 20), on its way.
public struct UserExport: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable, CaseIterable {
    case queued
    /// The services are asked, one after the other.
    case collecting
    /// The archive can be downloaded until ``UserExport/expiresAt``.
    case ready
    /// The archive is deleted.
    case expired
    /// ``UserExport/failure`` says why; ask for another.
    case failed
  }

  public var id: UUID
  public var state: Open<State>
  /// One for each service that is asked, in their order.
  public var parts: [UserExportPart]
  public var requestedAt: Date
  public var readyAt: Date?
  public var expiresAt: Date?
  /// Bytes of the archive once it is ready.
  public var size: Int64?
  /// Whether the mail has a link that works once, without a sign-in.
  public var hasLink: Bool
  /// `not_in_time`: a service gave no answer for a day. `too_large`: more than an archive may have.
  public var failure: String?

  public init(
    id: UUID, state: State, parts: [UserExportPart], requestedAt: Date, readyAt: Date?, expiresAt: Date?, size: Int64?,
    hasLink: Bool, failure: String?
  ) {
    self.id = id
    self.state = .known(state)
    self.parts = parts
    self.requestedAt = requestedAt
    self.readyAt = readyAt
    self.expiresAt = expiresAt
    self.size = size
    self.hasLink = hasLink
    self.failure = failure
  }

  enum CodingKeys: String, CodingKey {
    case id, state, parts, size, failure
    case requestedAt = "requested_at"
    case readyAt = "ready_at"
    case expiresAt = "expires_at"
    case hasLink = "has_link"
  }
}

/// What one service has about the person.
public struct UserExportPart: Codable, Sendable, Hashable {
  public var service: String
  /// Things by kind, such as `order`; nil while the service has not said all.
  public var kinds: [String: Int64]?

  public init(service: String, kinds: [String: Int64]?) {
    self.service = service
    self.kinds = kinds
  }
}

public struct UserExportID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct UserExportLink: Codable, Sendable {
  /// As it stands in the mail.
  public var token: String
  public init(token: String) { self.token = token }
}

/// What happened to an export; who it is of is asked by its id.
public struct UserExportEvent: Codable, Sendable, Hashable {
  public var exportID: UUID
  public var userID: UUID

  public init(exportID: UUID, userID: UUID) {
    self.exportID = exportID
    self.userID = userID
  }

  enum CodingKeys: String, CodingKey {
    case exportID = "export_id"
    case userID = "user_id"
  }
}

extension UserAPI {
  static let exportEndpoints: [any EndpointDescription] = [
    requestExport, exports, export, downloadExport, exportLink, downloadExportByLink,
  ]

  /// 409 `export_under_way` (with `export_id`) while one is; 429 `exports_limited` after three in a day.
  public static let requestExport = Endpoint<Empty, UserExport>(
    "requestExport", .post, "/api/v1/users/me/exports", access: .authenticated,
    summary: "Have everything collected that the platform knows of one", success: 202, idempotency: .accepted,
    problems: ["not_found", "login_required", "export_under_way", "exports_limited", "directory_unavailable"])

  public static let exports = Endpoint<PageRequest, Page<UserExport>>(
    "exports", .get, "/api/v1/users/me/exports", access: .authenticated,
    summary: "One's exports of the last 30 days, the newest first", problems: ["not_found", "directory_unavailable"])

  public static let export = Endpoint<UserExportID, UserExport>(
    "export", .get, "/api/v1/users/me/exports/{id}", access: .authenticated, summary: "How far an export is",
    owned: true, problems: ["not_found", "directory_unavailable"])

  /// 401 `insufficient_user_authentication` unless one authenticated within ten minutes (RFC 9470); as often as one
  /// likes.
  public static let downloadExport = Endpoint<UserExportID, Content>(
    "downloadExport", .get, "/api/v1/users/me/exports/{id}/archive", access: .authenticated,
    summary: "The archive, for its owner who has just signed in", owned: true,
    problems: [
      "not_found", "export_not_ready", "login_required", "insufficient_user_authentication", "directory_unavailable",
    ], produces: "application/zip")

  /// Programs that look at every link in a mail use nothing up by it.
  public static let exportLink = Endpoint<UserExportLink, Content>(
    "exportLink", .get, "/api/v1/exports/link", access: .public,
    summary: "A page that offers the archive to whom the mail went", otherSuccess: [404],
    produces: "text/html; charset=utf-8")

  public static let downloadExportByLink = Endpoint<UserExportLink, Content>(
    "downloadExportByLink", .post, "/api/v1/exports/link", access: .public,
    summary: "The archive, once, for whoever has the token of the mail", body: .form,
    problems: ["not_found"], produces: "application/zip")
}

/// What the user service tells of exports.
public enum UserExportEvents {
  static let all: [any EventDescription] = [ready]

  public static let ready = EventType<UserExportEvent>(
    "export.ready.v1", summary: "A copy of somebody's data can be downloaded; the mail about it is on its way")
}
