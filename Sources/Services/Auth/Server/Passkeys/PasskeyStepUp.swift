import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

extension StepUp {
  /// By one of the account's own passkeys, which is two factors by itself.
  /// - Throws: `Problem` 422 where it is none: the session is still good.
  func show(
    _ credential: AssertionCredential, _ principal: Principal, _ client: ClientDevice
  ) async throws -> OpenSession {
    let purpose = PasskeyPurpose.stepUp(try principal.accountID)
    do {
      return try await passkeys.admit(credential, purpose, from: client) { account, authentication, transaction, now in
        try authenticate(account, principal, adding: authentication.methods, transaction, now)
      }
    } catch let problem as Problem where problem.code == PasskeySignIn.refusal.code {
      throw Problem(
        422, "invalid_passkey", "That passkey does not show who you are",
        detail: "Ask for new options at \(AuthAPI.passkeyStepUpOptions.path), and try again.",
        errors: [.init(field: "passkey", code: "wrong", message: "was not signed for this by a passkey of yours")])
    }
  }
}

/// Whether somebody can show two factors at all: by a code after the password, or by a passkey.
enum SecondLevel {
  static func isReachable(by account: UUID, _ core: AuthCore, _ transaction: any Transaction) throws -> Bool {
    if try SecondFactorStore(transaction).isEnrolled(account) { return true }
    return try core.passkeys.party != nil && PasskeyStore(transaction).count(of: account) > 0
  }
}
