public import AuthAPI
public import Foundation
public import GravityContracts
public import GravityDiscovery

/// Asks auth over HTTP.
public struct RemoteAccountDirectory: AccountDirectory {
  /// What the client's token has to carry.
  public static let permission: Permission = "accounts:read"

  private let auth: EndpointClient
  private let timeout: Duration

  /// - Parameters:
  ///   - auth: With a service token that carries `accounts:read`.
  ///   - timeout: How long one question may take; somebody waits for the answer.
  public init(auth: EndpointClient, timeout: Duration = .seconds(2)) {
    self.auth = auth
    self.timeout = timeout
  }

  public func account(_ id: UUID) async throws -> DirectoryAccount? {
    let account: Account
    do { account = try await auth(AuthAPI.account, AccountID(id: id), timeout: timeout) } catch let problem as Problem
      where problem.status == 404 && problem.code == "not_found"
    {
      return nil
    }
    return DirectoryAccount(account)
  }

  public func proofMethods(of id: UUID) async throws -> [ProofMethod] {
    try await auth(AuthAPI.accountSecurity, AccountID(id: id), timeout: timeout).stepUpMethods.compactMap { method in
      if case .known(let method) = method { method } else { nil }
    }
  }
}

extension DirectoryAccount {
  init(_ account: Account) {
    let status: Status =
      switch account.status {
      case .known(.suspended): .suspended
      case .known(.deleted): .deleted
      // A status that is new to this build is one in which the account still has its address.
      case .known(.active), .known(.unverified), .unknown: account.email == nil ? .deleted : .active
      }
    self.init(
      id: account.id, email: account.email, isEmailVerified: account.isEmailVerified == true, name: account.name,
      status: status, version: account.version)
  }
}
