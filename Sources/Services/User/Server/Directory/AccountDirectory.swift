public import AuthAPI
public import Foundation

/// Where accounts are known: auth.
public protocol AccountDirectory: Sendable {
  /// - Returns: nil when there never was such an account.
  /// - Throws: when nothing can be said now; whoever asked is told to try again.
  func account(_ id: UUID) async throws -> DirectoryAccount?

  /// By what an account's owner can show again who they are, as far as this build knows it.
  /// - Throws: when there is no such account, or nothing can be said now.
  func proofMethods(of id: UUID) async throws -> [ProofMethod]
}

/// What a profile copies of an account.
public struct DirectoryAccount: Sendable, Hashable {
  public enum Status: Sendable, Hashable { case active, suspended, deleted }

  public var id: UUID
  /// nil once deleted.
  public var email: String?
  /// Whether a mailed token proved that the address is the account's.
  public var isEmailVerified: Bool
  public var name: String
  public var status: Status
  /// From 1; counts up with every change.
  public var version: Int64

  public init(
    id: UUID, email: String?, isEmailVerified: Bool = false, name: String, status: Status, version: Int64
  ) {
    self.id = id
    self.email = email
    self.isEmailVerified = isEmailVerified
    self.name = name
    self.status = status
    self.version = version
  }
}
