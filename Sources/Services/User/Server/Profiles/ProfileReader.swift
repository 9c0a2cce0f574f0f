public import Foundation
public import GravityData
public import UserAPI

/// Where profiles are read: the database, or a cache before it.
public protocol ProfileReader: Sendable {
  /// The profile in its latest version, or one that was the latest a moment ago.
  ///
  /// A tombstone is a profile too: of an erased user, or of one whose account was deleted, there is no address.
  ///
  /// - Returns: nil when there is none yet, which is not to be kept: it may appear at any moment.
  func profile(_ id: UUID) async throws -> Profile?

  /// The profile has just been written by this instance: whoever reads it here from now on gets this or a later one.
  func changed(_ profile: Profile) async
}

extension ProfileReader {
  public func changed(_ profile: Profile) async {}
}

/// Reads user_db.
public struct DatabaseProfiles: ProfileReader {
  private let database: any Database
  private let configuration: UserConfiguration

  public init(database: any Database, configuration: UserConfiguration = .init()) {
    self.database = database
    self.configuration = configuration
  }

  public func profile(_ id: UUID) async throws -> Profile? {
    guard let row = try await database.read({ try UserStore($0).find(id) }), row.isComplete else { return nil }
    return row.profile(configuration)
  }
}

extension Profile {
  /// Whether there is nobody any more whom it could belong to.
  var isGone: Bool { email == nil }
}
