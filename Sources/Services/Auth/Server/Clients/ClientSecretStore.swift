import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData

/// A secret of a client: 256 random bits, so its SHA-256 is as hard to guess as the secret.
enum ClientSecret {
  /// Marks it for scanners of leaked secrets.
  static let prefix = "gcs_"

  static func make(_ bytes: [UInt8]) -> String { prefix + Data(bytes).base64URLEncodedString() }
  static func hash(_ secret: String) -> [UInt8] { Array(SHA256.hash(data: Data(secret.utf8))) }
}

struct ClientSecretRow: SQLRecord, Codable {
  var id: UUID
  var hash: [UInt8]
  var createdAt: Date

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    hash = try row.get("hash")
    createdAt = try row.get("created_at")
  }

  var info: ClientSecretInfo { ClientSecretInfo(id: id, createdAt: createdAt) }
}

/// The tables `client_secrets` and `client_assertions`; knows no other.
struct ClientSecretStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func insert(_ id: UUID, of client: UUID, hash: [UInt8], at time: Date) throws {
    try transaction.execute(
      """
      INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES (\(id), \(client), \(hash), \(time))
      """)
  }

  /// Oldest first.
  func all(of client: UUID) throws -> [ClientSecretRow] {
    try transaction.all("SELECT id, hash, created_at FROM client_secrets WHERE client_id = \(client) ORDER BY id")
  }

  func all(of clients: [UUID]) throws -> [UUID: [ClientSecretInfo]] {
    var found: [UUID: [ClientSecretInfo]] = [:]
    for row in try transaction.rows(
      "SELECT client_id, id, hash, created_at FROM client_secrets WHERE client_id IN \(list: clients) ORDER BY id")
    {
      found[try row.get("client_id"), default: []].append(try ClientSecretRow(row).info)
    }
    return found
  }

  /// - Returns: false when the client has no such secret.
  func delete(_ id: UUID, of client: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM client_secrets WHERE id = \(id) AND client_id = \(client)") == 1
  }

  func deleteAll(of client: UUID) throws {
    try transaction.execute("DELETE FROM client_secrets WHERE client_id = \(client)")
  }

  // MARK: Assertions that were used

  /// - Parameter id: A digest of the assertion's `jti`.
  /// - Returns: false when it was used before.
  func use(assertion id: [UInt8], of client: UUID, until expiresAt: Date) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO client_assertions (client_id, id, expires_at) VALUES (\(client), \(id), \(expiresAt))
      ON CONFLICT (client_id, id) DO NOTHING
      """) == 1
  }

  func deleteExpiredAssertions(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM client_assertions WHERE id IN (
        SELECT id FROM client_assertions WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
        AND expires_at <= \(now)
      """)
  }
}
