public import Foundation
public import GravityContracts

/// How far a person's erasure is.
public struct ErasureStatus: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable, CaseIterable {
    /// Nobody asked for it.
    case none
    /// Asked for; the time of grace runs.
    case pending
    /// A legal hold keeps it from beginning.
    case held
    /// Every service was asked; the receipts come in.
    case collecting
    /// Every service has done it, and so has this one.
    case completed
  }

  public var userID: UUID
  public var state: Open<State>
  /// When the time of grace is over.
  public var dueAt: Date?
  /// When the services were asked.
  public var requestedAt: Date?
  public var completedAt: Date?
  /// Whether the receipts are longer in coming than they should be.
  public var isOverdue: Bool
  /// The services that were asked, by name.
  public var services: [ErasureParticipant]
  /// The hold that stands, if one does.
  public var hold: LegalHold?

  public init(
    userID: UUID, state: State, dueAt: Date?, requestedAt: Date?, completedAt: Date?, isOverdue: Bool,
    services: [ErasureParticipant], hold: LegalHold?
  ) {
    self.userID = userID
    self.state = .known(state)
    self.dueAt = dueAt
    self.requestedAt = requestedAt
    self.completedAt = completedAt
    self.isOverdue = isOverdue
    self.services = services
    self.hold = hold
  }

  enum CodingKeys: String, CodingKey {
    case state, services, hold
    case userID = "user_id"
    case dueAt = "due_at"
    case requestedAt = "requested_at"
    case completedAt = "completed_at"
    case isOverdue = "overdue"
  }
}

/// What one service did, or would do.
public struct ErasureParticipant: Codable, Sendable, Hashable {
  public var service: String
  /// Whether it has done all of it.
  public var isDone: Bool
  /// Rows by kind that went, or would go.
  public var erased: [String: Int64]
  /// Rows by kind that stay without what told who it was.
  public var kept: [String: Int64]
  /// Rows by kind that cannot go yet.
  public var waiting: [String: Int64]
  /// When it said so last; nil when it has not, and in a dry run.
  public var at: Date?

  public init(
    service: String, isDone: Bool, erased: [String: Int64] = [:], kept: [String: Int64] = [:],
    waiting: [String: Int64] = [:], at: Date? = nil
  ) {
    self.service = service
    self.isDone = isDone
    self.erased = erased
    self.kept = kept
    self.waiting = waiting
    self.at = at
  }

  enum CodingKeys: String, CodingKey {
    case service, erased, kept, waiting, at
    case isDone = "done"
  }
}

/// What an erasure would do if it began now.
public struct ErasureDryRun: Codable, Sendable, Hashable {
  public var userID: UUID
  public var services: [ErasureParticipant]
  /// The hold that keeps it from beginning, if one does.
  public var hold: LegalHold?

  public init(userID: UUID, services: [ErasureParticipant], hold: LegalHold?) {
    self.userID = userID
    self.services = services
    self.hold = hold
  }

  enum CodingKeys: String, CodingKey {
    case services, hold
    case userID = "user_id"
  }
}

/// Why a person's data must not be erased (GDPR 17(3)).
public struct LegalHold: Codable, Sendable, Hashable {
  public var id: UUID
  public var reason: String
  public var setBy: String
  public var setAt: Date
  public var releasedBy: String?
  public var releasedAt: Date?
  public var releaseReason: String?

  public init(
    id: UUID, reason: String, setBy: String, setAt: Date, releasedBy: String? = nil, releasedAt: Date? = nil,
    releaseReason: String? = nil
  ) {
    self.id = id
    self.reason = reason
    self.setBy = setBy
    self.setAt = setAt
    self.releasedBy = releasedBy
    self.releasedAt = releasedAt
    self.releaseReason = releaseReason
  }

  enum CodingKeys: String, CodingKey {
    case id, reason
    case setBy = "set_by"
    case setAt = "set_at"
    case releasedBy = "released_by"
    case releasedAt = "released_at"
    case releaseReason = "release_reason"
  }
}

public struct LegalHoldReason: Codable, Sendable {
  public var id: UUID
  /// 1 to 500 characters: the case, the authority, the file.
  public var reason: String

  public init(id: UUID, reason: String) {
    self.id = id
    self.reason = reason
  }
}

public struct LegalHoldList: Codable, Sendable, Hashable {
  /// The newest first; at most 100.
  public var items: [LegalHold]
  public init(items: [LegalHold]) { self.items = items }
}

public struct ErasureSearch: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  /// Only those whose receipts are overdue.
  public var overdue: Bool?

  public init(limit: Int? = nil, cursor: Cursor? = nil, overdue: Bool? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.overdue = overdue
  }
}

/// What is left of an erasure: proof that it was done, which names nobody but by an id that is never used again.
public struct ErasureCertificate: Codable, Sendable, Hashable {
  public var userID: UUID
  /// `iss`.
  public var issuer: String
  public var requestedAt: Date
  public var completedAt: Date
  public var services: [ErasureParticipant]

  public init(userID: UUID, issuer: String, requestedAt: Date, completedAt: Date, services: [ErasureParticipant]) {
    self.userID = userID
    self.issuer = issuer
    self.requestedAt = requestedAt
    self.completedAt = completedAt
    self.services = services
  }

  enum CodingKeys: String, CodingKey {
    case services
    case userID = "sub"
    case issuer = "iss"
    case requestedAt = "requested_at"
    case completedAt = "completed_at"
  }
}

public struct SignedErasureCertificate: Codable, Sendable, Hashable {
  public var certificate: ErasureCertificate
  /// The certificate as a JWS in compact form (RFC 7515): ES256, `typ` `erasure-certificate+jwt`.
  public var jws: String
  /// The key that signed it (RFC 7517), to be compared with one that was kept.
  public var key: JSONObject

  public init(certificate: ErasureCertificate, jws: String, key: JSONObject) {
    self.certificate = certificate
    self.jws = jws
    self.key = key
  }
}

extension UserAPI {
  public static let holdPermission: Permission = "users:hold"

  static let erasureEndpoints: [any EndpointDescription] = [
    erasures, erasure, erasureDryRun, erasureCertificate, legalHolds, setLegalHold, releaseLegalHold,
  ]

  public static let erasures = Endpoint<ErasureSearch, Page<ErasureStatus>>(
    "erasures", .get, "/api/v1/erasures", access: .permission("users:read"),
    summary: "Erasures under way, the oldest first; overdue ones with overdue=true")

  public static let erasure = Endpoint<UserID, ErasureStatus>(
    "erasure", .get, "/api/v1/users/{id}/erasure", access: .permission("users:read"),
    summary: "How far a user's erasure is, and which service has not answered", problems: ["not_found"])

  public static let erasureDryRun = Endpoint<UserID, ErasureDryRun>(
    "erasureDryRun", .get, "/api/v1/users/{id}/erasure/dry-run", access: .permission("users:read"),
    summary: "What an erasure would do, by service; nothing is changed", problems: ["not_found", "service_unavailable"])

  public static let erasureCertificate = Endpoint<UserID, SignedErasureCertificate>(
    "erasureCertificate", .get, "/api/v1/users/{id}/erasure/certificate", access: .permission("users:read"),
    summary: "The signed proof that a user was erased, with each service's receipt", problems: ["not_found"])

  public static let legalHolds = Endpoint<UserID, LegalHoldList>(
    "legalHolds", .get, "/api/v1/users/{id}/legal-holds", access: .permission(holdPermission),
    summary: "The holds that a user has or had", problems: ["not_found"])

  public static let setLegalHold = Endpoint<LegalHoldReason, LegalHold>(
    "setLegalHold", .put, "/api/v1/users/{id}/legal-hold", access: .permission(holdPermission),
    summary: "Keep a user's data from being erased; the same again changes the reason",
    problems: ["not_found", "erasure_under_way"])

  public static let releaseLegalHold = Endpoint<LegalHoldReason, LegalHold>(
    "releaseLegalHold", .post, "/api/v1/users/{id}/legal-hold/release", access: .permission(holdPermission),
    summary: "End a hold, with the reason; an erasure that is due begins within a minute",
    problems: ["not_found", "no_hold"])
}
