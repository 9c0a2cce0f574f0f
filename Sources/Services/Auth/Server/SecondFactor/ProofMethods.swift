import AuthAPI
import GravityData

extension ProofMethod {
  /// Those of an account, as ``StepUp`` takes them: the password only where there is no second factor.
  static func all(of account: AccountRow, _ core: AuthCore, _ transaction: any Transaction) throws -> [ProofMethod] {
    let factors = SecondFactorStore(transaction)
    var methods: [ProofMethod] = []
    if try factors.isEnrolled(account.id) {
      methods.append(.totp)
      if try factors.recoveryCodesLeft(of: account.id) > 0 { methods.append(.recoveryCode) }
    } else if account.passwordHash != nil {
      methods.append(.password)
    }
    if try core.passkeys.party != nil && PasskeyStore(transaction).count(of: account.id) > 0 {
      methods.append(.passkey)
    }
    return methods
  }
}
