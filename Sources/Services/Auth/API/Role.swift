public import Foundation
public import GravityContracts

/// A named set of permissions.
public struct Role: Codable, Sendable, Hashable, EntityTagged {
  /// 1 to 64 characters `a–z 0–9 _ -`, beginning with a letter.
  public var name: String
  public var description: String
  public var permissions: [Permission]
  /// Came with the platform and cannot be deleted.
  public var builtIn: Bool
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    name: String, description: String, permissions: [Permission], builtIn: Bool, version: Int64, createdAt: Date,
    updatedAt: Date
  ) {
    self.name = name
    self.description = description
    self.permissions = permissions
    self.builtIn = builtIn
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case name, description, permissions, version
    case builtIn = "built_in"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

/// All roles by name, and the version of the whole that tokens carry as `pv`. There are at most 1 000, so one page
/// holds them.
public struct RoleList: Codable, Sendable, Hashable {
  public var items: [Role]
  public var policyVersion: Int64

  public init(items: [Role], policyVersion: Int64) {
    self.items = items
    self.policyVersion = policyVersion
  }

  enum CodingKeys: String, CodingKey {
    case items
    case policyVersion = "policy_version"
  }
}

public struct RoleName: Codable, Sendable {
  public var name: String
  public init(name: String) { self.name = name }
}

public struct NewRole: Codable, Sendable {
  public var name: String
  /// At most 500 characters.
  public var description: String?
  /// `resource:action`, at most 200 of them.
  public var permissions: [Permission]

  public init(name: String, description: String? = nil, permissions: [Permission]) {
    self.name = name
    self.description = description
    self.permissions = permissions
  }
}

/// What is left out stays.
public struct RoleUpdate: Codable, Sendable {
  public var name: String
  public var description: String?
  public var permissions: [Permission]?

  public init(name: String, description: String? = nil, permissions: [Permission]? = nil) {
    self.name = name
    self.description = description
    self.permissions = permissions
  }
}
