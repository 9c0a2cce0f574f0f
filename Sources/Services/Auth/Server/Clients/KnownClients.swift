import Foundation
import GravityCache
import GravityData

/// A client with what it proves itself by.
struct KnownClient: Codable, Sendable {
  var client: ClientRow
  var secrets: [ClientSecretRow]
}

/// Clients as they authenticate, kept for a second: a resource server asks thousands of times in one. The instance that
/// changes a client knows at once, the others within that second. What a client is issued in it for itself is of its old
/// epoch, and refused like all its tokens; a session of somebody who let it in is opened for the client as it is by then
/// (``ClientStore/find(_:using:for:)``).
struct KnownClients: Sendable {
  private static let policy = CachePolicy(
    maximumBytes: 8 << 20, fresh: .seconds(1), stale: .seconds(1), negative: .seconds(1))
  /// Octets that a client takes, about.
  private static let size = 4_096

  private let core: AuthCore
  private let cache: Cache<UUID, KnownClient>

  init(core: AuthCore) throws {
    self.core = core
    cache = try Cache(name: "client", policy: Self.policy, cost: { _ in Self.size }, logger: core.logger)
  }

  func find(_ id: UUID) async throws -> KnownClient? {
    try await cache.value(for: id) { [core] in
      try await core.read { transaction, _ in
        let secrets = try ClientSecretStore(transaction).all(of: id)
        return try ClientStore(transaction).find(id).map {
          Versioned(KnownClient(client: $0, secrets: secrets), version: $0.version)
        }
      }
    }
  }

  /// To be told once a change is committed.
  ///
  /// - Parameter version: The row's, after it.
  func changed(_ id: UUID, version: Int64) async { await cache.invalidate(id, version: version) }

  /// - Parameter version: The last that it had.
  func deleted(_ id: UUID, version: Int64) async { await cache.remove(id, version: version + 1) }
}
