public import Foundation
public import GravityContracts
public import GravityData
public import GravityEvents

/// What a service does with what it knows of people. Each runs in the caller's transaction.
public protocol PersonalDataStore: Sendable {
  /// What ``erase(_:in:)`` would do now.
  func inventory(of user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts

  /// Takes out everything that tells who it was, as far as it may go now. It may be called again, and before anything
  /// was heard of the user.
  func erase(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts

  /// What there is about the user, in an order that stays the same.
  func items(
    of user: UUID, after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws -> PersonalDataPage
}

/// A service's side of erasure: it remembers who is erased, for ever, and answers each request with a receipt.
public struct PersonalDataHolder: Sendable {
  /// To be part of a migration of the service, beside those of its outbox and its consumers.
  public static let migrationStatements: [SQL] = [
    .table(
      "gravity_erasures",
      """
      user_id \(type: .uuid) PRIMARY KEY, receipt \(type: .text), first_at \(type: .timestamptz) NOT NULL
      """)
  ]

  public let service: String
  public let store: any PersonalDataStore
  private let outbox: Outbox

  public init(service: String, store: any PersonalDataStore, outbox: Outbox) {
    self.service = service
    self.store = store
    self.outbox = outbox
  }

  /// Whether the person is to be forgotten: nothing may be written about them any more.
  public static func isErased(_ user: UUID, in transaction: any Transaction) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM gravity_erasures WHERE user_id = \(user)").isEmpty
  }

  /// Erases, and tells what it did; asked again, it does what had to wait and tells the sum.
  public func erase(_ user: UUID, in transaction: any Transaction) throws {
    let counts = try remember(user, in: transaction)
    try acknowledge(user, counts, in: transaction)
  }

  /// Erases without telling: for a service of which something goes on outside the transaction. It calls
  /// ``acknowledge(_:_:in:)`` when that is done.
  public func remember(_ user: UUID, in transaction: any Transaction) throws -> PersonalDataCounts {
    try transaction.execute(
      """
      INSERT INTO gravity_erasures (user_id, first_at) VALUES (\(user), \(try transaction.now))
      ON CONFLICT (user_id) DO NOTHING
      """)
    return try store.erase(user, in: transaction)
  }

  public func acknowledge(_ user: UUID, _ counts: PersonalDataCounts, in transaction: any Transaction) throws {
    let row = try transaction.rows("SELECT receipt FROM gravity_erasures WHERE user_id = \(user)").first
    let earlier = try row?.get("receipt", as: String?.self) ?? nil
    let before = try earlier.map {
      try WireFormat.makeDecoder().decode(ErasureReceipt.self, from: Data($0.utf8))
    }
    let receipt = ErasureReceipt(
      userID: user, service: service, erased: counts.erased.merging(before?.erased ?? [:], uniquingKeysWith: +),
      kept: counts.kept, waiting: counts.waiting.filter { $0.value > 0 },
      at: try transaction.now.roundedToMicroseconds)
    let text = String(decoding: try WireFormat.makeEncoder().encode(receipt), as: UTF8.self)
    try transaction.execute("UPDATE gravity_erasures SET receipt = \(text) WHERE user_id = \(user)")
    try outbox.append(PersonalDataEvents.erasureAcknowledged, subject: user.lowercased, receipt, in: transaction)
  }

  /// What ``PersonalDataAPI/inventory(of:)`` answers.
  public func inventory(_ subject: PersonalDataSubject, in database: any Database) async throws -> PersonalDataInventory
  {
    let counts = try await database.read { [store] in try store.inventory(of: subject.userID, in: $0) }
    return PersonalDataInventory(service: service, counts)
  }

  /// What ``PersonalDataAPI/items(of:)`` answers.
  /// - Throws: `Problem` 422 when the limit is none.
  public func items(_ query: PersonalDataQuery, in database: any Database) async throws -> PersonalDataPage {
    let limit = try PageLimit.checked(query.limit)
    return try await database.read { [store] in
      try store.items(of: query.userID, after: query.cursor, limit: limit, in: $0)
    }
  }
}
