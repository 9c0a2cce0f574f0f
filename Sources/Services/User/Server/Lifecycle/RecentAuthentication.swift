import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import Logging

/// Showing again who one is (RFC 9470), before everything that is known of somebody is given away or goes.
struct RecentAuthentication: Sendable {
  let core: UserCore
  let directory: any AccountDirectory

  /// - Throws: `Problem` 401 `insufficient_user_authentication`, with what the account can step up by, as far as auth can be
  ///   asked: it is refused in any case.
  func require(of principal: Principal) async throws {
    let now = try await core.read { _, now in now }
    let greatestAge = core.configuration.stepUpMaximumAge
    if let time = principal.authenticatedAt, now.timeIntervalSince(time) <= greatestAge { return }
    throw Problem.insufficientAuthentication(maximumAge: greatestAge, methods: try await methods(of: principal))
  }

  private func methods(of principal: Principal) async throws -> [ProofMethod]? {
    do { return try await directory.proofMethods(of: principal.accountID) } catch let error as CancellationError {
      throw error
    } catch {
      core.logger.warning("the account directory gave no answer", metadata: ["error.message": "\(error)"])
      return nil
    }
  }
}
