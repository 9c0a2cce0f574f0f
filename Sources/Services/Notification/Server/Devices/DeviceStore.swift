import Crypto
import Foundation
import GravityData
import NotificationAPI

struct DeviceRow: SQLRecord, Hashable {
  var id: UUID
  var userID: UUID
  var platform: PushPlatform
  var token: String
  var name: String?
  var registeredAt: Date

  init(id: UUID, userID: UUID, platform: PushPlatform, token: String, name: String?, registeredAt: Date) {
    self.id = id
    self.userID = userID
    self.platform = platform
    self.token = token
    self.name = name
    self.registeredAt = registeredAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    userID = try row.get("user_id")
    let platform: String = try row.get("platform")
    guard let known = PushPlatform(rawValue: platform) else {
      throw SQLMismatch(.text(platform), wanted: "PushPlatform")
    }
    self.platform = known
    token = try row.get("token")
    name = try row.get("name")
    registeredAt = try row.get("registered_at")
  }

  static let columns: SQL = """
    push_devices.id, push_devices.user_id, push_devices.platform, push_devices.token, push_devices.name,
    push_devices.registered_at
    """

  var device: PushDevice { PushDevice(id: id, platform: platform, name: name, registeredAt: registeredAt) }
  var target: PushTarget { PushTarget(id: id, platform: platform, token: token) }
}

/// The table `push_devices`.
struct DeviceStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// - Returns: the device as it is now: with the id that it had, where its token was known as this user's.
  func save(_ row: DeviceRow) throws -> DeviceRow {
    let digest = Self.digest(row.token)
    // Another user's is another device: what was sent to it is not this user's.
    try transaction.execute(
      "DELETE FROM push_devices WHERE token_digest = \(digest) AND user_id <> \(row.userID)")
    let saved: DeviceRow? = try transaction.first(
      """
      INSERT INTO push_devices (id, user_id, platform, token, token_digest, name, registered_at)
      VALUES (\(row.id), \(row.userID), \(row.platform.rawValue), \(row.token), \(digest), \(row.name),
        \(row.registeredAt))
      ON CONFLICT (token_digest) DO UPDATE SET platform = excluded.platform, name = excluded.name,
        registered_at = excluded.registered_at
      RETURNING \(DeviceRow.columns)
      """)
    return saved ?? row
  }

  /// The one that was registered last first.
  func list(of user: UUID) throws -> [DeviceRow] {
    try transaction.all(
      """
      SELECT \(DeviceRow.columns) FROM push_devices WHERE user_id = \(user) ORDER BY registered_at DESC, id DESC
      LIMIT \(Devices.greatestCount)
      """)
  }

  func list(of users: Set<UUID>) throws -> [DeviceRow] {
    let users = Array(users)
    return try transaction.all(
      "SELECT \(DeviceRow.columns) FROM push_devices WHERE user_id IN \(list: users) ORDER BY id")
  }

  /// Deletes all but the last so many of a user.
  func prune(of user: UUID, to count: Int) throws {
    try transaction.execute(
      """
      DELETE FROM push_devices WHERE user_id = \(user) AND id NOT IN (
        SELECT kept.id FROM push_devices AS kept WHERE kept.user_id = \(user)
        ORDER BY kept.registered_at DESC, kept.id DESC LIMIT \(count))
      """)
  }

  /// - Parameter user: Whose it has to be; nil for anybody's.
  func delete(_ id: UUID, of user: UUID? = nil) throws -> Bool {
    let owner: SQL = user.map { " AND user_id = \($0)" } ?? ""
    return try transaction.execute("DELETE FROM push_devices WHERE id = \(id)\(owner)") == 1
  }

  /// For those who are to be forgotten.
  func delete(of user: UUID) throws { try transaction.execute("DELETE FROM push_devices WHERE user_id = \(user)") }

  private static func digest(_ token: String) -> String {
    Data(SHA256.hash(data: Data(token.utf8))).base64EncodedString()
  }
}
