import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import UserAPI

/// What people agree to, and what they said about it (GDPR 7): versions that never change, and records that are only
/// ever added.
struct Consents: Sendable {
  let core: UserCore
  let profiles: Profiles
  let pseudonyms: ConsentPseudonyms

  static let greatestPurposes = 100
  /// How many records somebody may have; then consent can only be withdrawn.
  static let greatestRecords: Int64 = 1_000

  // MARK: Documents

  func publish(
    _ request: NewConsentDocument, by principal: Principal, once key: IdempotencyKey?
  ) async throws -> Once<ConsentDocument> {
    var errors: [Problem.FieldError] = []
    let purpose = Self.name(request.purpose, "purpose", &errors)
    let title = PlainText("title", of: NewConsentDocument.self).checked(request.title, &errors)
    let text = PlainText("text", of: NewConsentDocument.self).checked(request.text, &errors)
    guard let purpose, let title, let text else { throw Problem.invalid(errors) }
    return try await core.database.write(once: key) { [core] transaction in
      // Two at once get two versions.
      try transaction.lock("consent documents")
      let store = ConsentStore(transaction)
      let last = try store.current(purpose)?.version ?? 0
      if last == 0, try store.countPurposes() >= Self.greatestPurposes {
        throw Problem(409, "too_many_purposes", "There are \(Self.greatestPurposes) purposes already")
      }
      let document = ConsentDocument(
        purpose: purpose, version: last + 1, title: title, text: text, digest: Self.digest(text),
        publishedAt: try core.now(transaction), publishedBy: principal.subject)
      try store.insert(document)
      return document
    }
  }

  func documents(_ request: ConsentDocumentSearch) async throws -> Page<ConsentDocument> {
    let limit = try PageLimit.checked(request.limit)
    let wrongCursor = Problem.invalid("cursor", "format", "is not a cursor of this list")
    guard let purpose = request.purpose else {
      let after = try request.cursor.map { cursor in
        guard cursor.parts.count == 1, Self.isName(cursor.parts[0]) else { throw wrongCursor }
        return cursor.parts[0]
      }
      return try await core.read { transaction, _ in
        let rows = try ConsentStore(transaction).currentDocuments(after: after, limit: limit + 1)
        return Page(fetched: rows, limit: limit) { Cursor([$0.purpose]) }
      }
    }
    guard Self.isName(purpose) else { throw Problem.invalid("purpose", "format", Self.nameRule) }
    let before = try request.cursor.map { cursor in
      guard cursor.parts.count == 1, let version = Int64(cursor.parts[0]) else { throw wrongCursor }
      return version
    }
    return try await core.read { transaction, _ in
      let rows = try ConsentStore(transaction).documents(of: purpose, before: before, limit: limit + 1)
      return Page(fetched: rows, limit: limit) { Cursor(["\($0.version)"]) }
    }
  }

  // MARK: What people say

  /// Withdrawing is as easy as giving (GDPR 7(3)): it needs no version, and no bound stands in its way. Whoever is
  /// suspended, or waits for their erasure, may do so, too.
  func change(
    _ request: ConsentChange, by principal: Principal, once key: IdempotencyKey?
  ) async throws -> Once<ConsentRecord> {
    var errors: [Problem.FieldError] = []
    let (purpose, source) = (
      Self.name(request.purpose, "purpose", &errors), Self.name(request.source, "source", &errors)
    )
    if request.decision == .given, request.version == nil {
      errors.append(.init(field: "version", code: "required", message: "is missing: say which version was read"))
    }
    guard let purpose, let source, errors.isEmpty else { throw Problem.invalid(errors) }
    let user = try await profiles.own(principal).id
    let subject = pseudonyms.pseudonym(of: user)
    return try await core.database.write(once: key) { [core] transaction in
      try transaction.lock(UserRow.lockName(user))
      // Whoever was erased since says nothing any more.
      guard try UserStore(transaction).find(user)?.isGone == false else { throw Problem.notFound("user") }
      let store = ConsentStore(transaction)
      guard let document = try store.current(purpose) else { throw Problem.notFound("consent document") }
      let last = try store.latest(purpose, of: subject)
      let version = try Self.version(request, document, last)
      if let last, last.decision == .known(request.decision), last.version == version { return last }
      let number = try store.count(of: subject) + 1
      if request.decision == .given, number > Self.greatestRecords {
        throw Problem(
          409, "too_many_changes", "You changed your mind \(Self.greatestRecords) times",
          detail: "What you gave can be withdrawn.")
      }
      let record = ConsentRecord(
        id: core.newID(), purpose: purpose, version: version, decision: .known(request.decision), source: source,
        at: try core.now(transaction))
      try store.insert(record, number: number, of: subject)
      return record
    }
  }

  /// The version that the record is about: the current one when consent is given, the one it was given to when it is
  /// withdrawn.
  private static func version(
    _ request: ConsentChange, _ document: ConsentDocument, _ last: ConsentRecord?
  ) throws -> Int64 {
    switch request.decision {
    case .given:
      guard request.version == document.version else {
        throw Problem(
          409, "document_outdated", "The current version is \(document.version)",
          detail: "Show that one: GET /api/v1/consent-documents.")
      }
      return document.version
    case .withdrawn:
      guard let last else { throw Problem.notFound("consent") }
      return last.version
    }
  }

  func states(of principal: Principal) async throws -> ConsentStateList {
    let subject = pseudonyms.pseudonym(of: try await profiles.own(principal).id)
    return try await core.read { transaction, _ in
      ConsentStateList(items: try ConsentStore(transaction).states(of: subject))
    }
  }

  func history(_ request: PageRequest, of principal: Principal) async throws -> Page<ConsentRecord> {
    try await history(of: try await profiles.own(principal).id, request.limit, request.cursor)
  }

  func history(_ request: UserConsentSearch) async throws -> Page<ConsentRecord> {
    guard try await core.read({ transaction, _ in try UserStore(transaction).find(request.id) }) != nil else {
      throw Problem.notFound("user")
    }
    return try await history(of: request.id, request.limit, request.cursor)
  }

  private func history(of user: UUID, _ limit: Int?, _ cursor: Cursor?) async throws -> Page<ConsentRecord> {
    let limit = try PageLimit.checked(limit)
    let before = try cursor.map { cursor in
      guard cursor.parts.count == 1, let number = Int64(cursor.parts[0]) else {
        throw Problem.invalid("cursor", "format", "is not a cursor of this list")
      }
      return number
    }
    let subject = pseudonyms.pseudonym(of: user)
    return try await core.read { transaction, _ in
      let rows = try ConsentStore(transaction).list(of: subject, before: before, limit: limit + 1)
      let next = rows.count > limit ? Cursor(["\(rows[limit - 1].number)"]) : nil
      return Page(items: rows.prefix(limit).map(\.record), nextCursor: next)
    }
  }

  // MARK: Fields

  private static let nameRule = "must be 1 to 50 lower-case letters, digits, _ and -, a letter first"

  private static func name(_ text: String, _ field: String, _ errors: inout [Problem.FieldError]) -> String? {
    guard isName(text) else {
      errors.append(.init(field: field, code: "format", message: nameRule))
      return nil
    }
    return text
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, (0x61...0x7A).contains(first) else { return false }
    return text.utf8.count <= 50
      && text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
  }

  private static func digest(_ text: String) -> String {
    SHA256.hash(data: Data(text.utf8)).map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }
}

extension UserService {
  func bindConsents(_ routes: inout Routes) {
    let consents = consents
    routes.on(UserAPI.publishConsentDocument) { request, scope in
      scope.unwrap(try await consents.publish(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.consentDocuments) { request, _ in try await consents.documents(request) }
    routes.on(UserAPI.consents) { _, scope in try await consents.states(of: scope.principal) }
    routes.on(UserAPI.changeConsent) { request, scope in
      scope.unwrap(try await consents.change(request, by: scope.principal, once: scope.idempotencyKey))
    }
    routes.on(UserAPI.consentHistory) { request, scope in try await consents.history(request, of: scope.principal) }
    routes.on(UserAPI.userConsentHistory) { request, _ in try await consents.history(request) }
  }
}
