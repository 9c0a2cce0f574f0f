import GravityContracts
import GravityData
import NotificationAPI

/// What the interface does with addresses to which nothing is sent.
struct Suppressions: Sendable {
  let core: NotificationCore

  func list(_ query: PageRequest) async throws -> Page<Suppression> {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { cursor in
      guard cursor.parts.count == 1 else { throw TemplateBook.wrongCursor }
      return cursor.parts[0]
    }
    return try await core.read { transaction, _ in
      Page(fetched: try SuppressionStore(transaction).list(after: after, limit: limit + 1), limit: limit) {
        Cursor([$0.address])
      }
    }
  }

  func find(_ address: String) async throws -> Suppression {
    try await core.read { transaction, _ in
      guard let found = try SuppressionStore(transaction).find(address) else { throw Problem.notFound("suppression") }
      return found
    }
  }

  func add(_ request: NewSuppression) async throws -> Suppression {
    guard let address = EmailAddress(request.address)?.text ?? PhoneNumber(request.address)?.text else {
      throw Problem.invalid("address", "format", "is neither an e-mail address nor a phone number in E.164")
    }
    return try await core.write { transaction, now in
      let store = SuppressionStore(transaction)
      try store.insert(address, request.reason.rawValue, delivery: nil, user: nil, at: now)
      guard let made = try store.find(address) else { throw Problem.notFound("suppression") }
      return made
    }
  }

  func remove(_ address: String) async throws {
    try await core.write { transaction, _ in
      guard try SuppressionStore(transaction).delete(address) else { throw Problem.notFound("suppression") }
    }
  }
}
