public import Foundation
public import GravityCache
public import UserAPI

/// Profiles through this instance's memory and, where there is one, the instances' shared store.
public struct CachedProfiles: ProfileReader {
  /// A profile is asked for with nearly every request of its owner, and changes rarely.
  public static let policy = CachePolicy(
    maximumBytes: 32 << 20, fresh: .seconds(60), stale: .seconds(300),
    // One that is not there yet may appear at any moment.
    negative: .zero)

  private let cache: Cache<UUID, Profile>
  private let database: DatabaseProfiles
  private let isReliable: @Sendable () -> Bool

  /// - Parameter isReliable: False while invalidations may be missed; then the database is read.
  public init(
    cache: Cache<UUID, Profile>, database: DatabaseProfiles, isReliable: @escaping @Sendable () -> Bool
  ) {
    self.cache = cache
    self.database = database
    self.isReliable = isReliable
  }

  public func profile(_ id: UUID) async throws -> Profile? {
    guard isReliable() else { return try await database.profile(id) }
    return try await cache.value(for: id) { [database] in
      try await database.profile(id).map { Versioned($0, version: $0.version) }
    }
  }

  public func changed(_ profile: Profile) async { await cache.invalidate(profile.id, version: profile.version) }
}
