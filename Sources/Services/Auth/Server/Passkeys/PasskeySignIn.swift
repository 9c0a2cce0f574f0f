import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging

/// Signing in with a passkey (WebAuthn Level 3 §7.2): without an address and without a password, since the passkey
/// tells whose it is.
///
/// It counts as two factors, NIST SP 800-63B's multi-factor cryptographic authenticator: something that somebody has,
/// used by a PIN, a finger or a face, which is why user verification is required. So nobody is asked for a code after
/// it.
struct PasskeySignIn: Sendable {
  let core: AuthCore
  let challenges: PasskeyChallenges
  let attempts: Attempts

  /// The same for an unknown passkey as for a wrong signature; the log says which.
  static let refusal = Problem(
    401, "invalid_passkey", "That passkey does not open an account here",
    detail: "Ask for new options and try again, or sign in another way.")

  /// RFC 8176: a key was proved to be there, and somebody was; by two factors. Not `hwk` nor `swk`: without attestation
  /// nobody knows what holds the key.
  static let methods = ["pop", "user", UserAuthentication.multipleFactors]

  /// For anybody.
  func options(_ purpose: PasskeyPurpose) async throws -> PasskeyRequestOptions {
    let party = try challenges.party
    try await challenges.requireRoom()
    let challenge = challenges.newChallenge()
    try await core.write { [challenges] transaction, now in
      try challenges.insert(challenge, purpose, transaction, now)
    }
    return PasskeyRequestOptions(challenge: challenge, timeout: PasskeyChallenges.timeout, rpId: party.id, allow: [])
  }

  /// For one of an account's own passkeys.
  func options(toStepUp principal: Principal) async throws -> PasskeyRequestOptions {
    try principal.requireOwnLogin()
    let (party, id) = (try challenges.party, try principal.accountID)
    try await challenges.requireRoom()
    let challenge = challenges.newChallenge()
    let passkeys = try await core.write { [challenges] transaction, now in
      let passkeys = try PasskeyStore(transaction).list(of: id)
      guard !passkeys.isEmpty else { throw Problem(409, "no_passkey", "The account has no passkey") }
      try challenges.insert(challenge, .stepUp(id), transaction, now)
      return passkeys
    }
    return PasskeyRequestOptions(
      challenge: challenge, timeout: PasskeyChallenges.timeout, rpId: party.id, allow: passkeys.map(\.descriptor))
  }

  private enum Outcome<Value: Sendable>: Sendable {
    case admitted(Value)
    case refused(PasskeyFault)
    case stopped(Problem)
  }

  /// Runs `body` for whom the passkey lets in, in the transaction that uses up the challenge and counts. A challenge is
  /// used up by whatever came with it.
  ///
  /// Failures count for the credential, known or not, and for the address, as those of passwords do: they forget none
  /// of those, and keep nobody from the password.
  /// - Throws: `Problem` 401, the same for every fault; 429 while one has to wait; 403 when the account may not log in.
  func admit<Value: Sendable>(
    _ credential: AssertionCredential, _ purpose: PasskeyPurpose, from client: ClientDevice,
    _ body: @escaping @Sendable (AccountRow, UserAuthentication, any Transaction, Date) throws -> Value
  ) async throws -> Value {
    let party = try challenges.party
    let assertion: SignedAssertion
    do throws(PasskeyFault) { assertion = try SignedAssertion(credential) } catch { throw refused(error, nil) }
    let origin = attempts.origin(passkey: assertion.credentialID, address: client.address)
    let (found, handle) = try await core.read { [attempts] transaction, now in
      try attempts.check(origin, transaction, now: now)
      let store = PasskeyStore(transaction)
      let found = try store.find(credential: assertion.credentialID)
      return (found, try found.flatMap { try store.handle(of: $0.accountID) })
    }
    // Not in the transaction: others wait for that.
    let verified = Self.verify(assertion, found, handle, purpose, party)
    let outcome = try await core.write { [self] transaction, now -> Outcome<Value> in
      try attempts.check(origin, transaction, now: now)
      guard try challenges.take(assertion.client.challenge, purpose, transaction, now) != nil else {
        return .refused(.challenge)
      }
      guard case .success(let said) = verified, let found else {
        try attempts.failed(origin, transaction, now: now)
        try core.events.record(.loginFailed(account: found?.accountID), in: transaction)
        if case .failure(let fault) = verified { return .refused(fault) }
        return .refused(.unknown)
      }
      let store = PasskeyStore(transaction)
      try store.lock(found.id)
      guard let row = try store.find(found.id), let account = try AccountStore(transaction).find(row.accountID) else {
        return .refused(.unknown)
      }
      if let problem = Self.refusal(of: account) { return .stopped(problem) }
      guard Self.isNext(said.signCount, after: row.signCount) else {
        try core.events.record(.passkeyCloneSuspected(account: account.id, passkey: row.id), in: transaction)
        try core.events.record(.loginFailed(account: account.id), in: transaction)
        return .refused(.counter)
      }
      try store.used(
        row.id, signCount: Int64(said.signCount), isBackedUp: said.flags.contains(.backedUp), at: now)
      try attempts.succeeded(origin, transaction, now: now)
      return .admitted(try body(account, UserAuthentication(methods: Self.methods, at: now), transaction, now))
    }
    switch outcome {
    case .admitted(let value): return value
    case .refused(let fault): throw refused(fault, found?.id)
    case .stopped(let problem): throw problem
    }
  }

  private static func verify(
    _ assertion: SignedAssertion, _ found: PasskeyRow?, _ handle: [UInt8]?, _ purpose: PasskeyPurpose,
    _ party: RelyingParty
  ) -> Result<AuthenticatorData, PasskeyFault> {
    guard let found, let handle else { return .failure(.unknown) }
    // Whose it is: said before, or by the passkey (step 6).
    if let account = purpose.account, account != found.accountID { return .failure(.unknown) }
    guard purpose.account != nil || assertion.userHandle != nil,
      assertion.userHandle.map({ ConstantTime.areEqual($0, handle) }) ?? true
    else { return .failure(.unknown) }
    do throws(PasskeyFault) { return .success(try assertion.verified(by: found, for: party)) } catch {
      return .failure(error)
    }
  }

  /// An authenticator that counts counts up (step 22). One that does not says 0 for ever.
  private static func isNext(_ count: UInt32, after last: Int64) -> Bool {
    count == 0 && last == 0 || Int64(count) > last
  }

  /// Only whoever has the passkey is told.
  private static func refusal(of account: AccountRow) -> Problem? {
    switch account.status {
    case .active: nil
    case .unverified: Problem(403, "email_unverified", "The e-mail address is not verified yet")
    case .suspended: Problem(403, "account_suspended", "The account is suspended")
    case .deleted: refusal
    }
  }

  private func refused(_ fault: PasskeyFault, _ passkey: UUID?) -> Problem {
    core.logger.log(
      level: fault == .counter ? .warning : .info, "a passkey was refused",
      metadata: ["error.type": "\(fault.rawValue)", "passkey.id": "\(passkey?.lowercased ?? "")"])
    return Self.refusal
  }
}

extension Attempts {
  /// Of a credential, whether or not there is one. No address of a login has a space, so these count apart.
  func origin(passkey credentialID: [UInt8], address: String) -> Origin {
    let digest = Data(SHA256.hash(data: Data(credentialID))).base64URLEncodedString()
    return origin(email: "passkey \(digest)", address: address)
  }
}

extension Login {
  /// - Throws: see ``PasskeySignIn/admit(_:_:from:_:)``.
  func login(
    _ request: PasskeyLogin, with passkeys: PasskeySignIn, from client: ClientDevice
  ) async throws -> Tokens {
    let id = core.newID()
    let session = try await passkeys.admit(request.credential, .login, from: client) {
      try open(id, $0, $1, client, $2, $3)
    }
    return try await issuer.tokens(for: session)
  }
}

extension Authorization {
  /// The form of the sign-in page's button.
  /// - Parameter browser: The browser's secret.
  /// - Returns: the next step, and the cookie of the session that was opened.
  func signIn(
    _ form: PasskeySignInForm, with passkeys: PasskeySignIn, browser: String, from client: ClientDevice
  ) async throws -> (step: AuthorizationStep, cookie: BrowserCookie?) {
    guard let query = AuthorizationQuery(carried: form.request) else { throw Self.expired }
    let (asker, redirect) = try await core.read { transaction, _ in try Self.asker(query, transaction) }
    let cookie = BrowserCookie(session: core.newID(), secret: core.randomBytes(32))
    let (code, next) = (newCode(), query.signedIn)
    do {
      let credential = try AssertionCredential(form: form.credential)
      return try await passkeys.admit(credential, .page(browser: browser), from: client) {
        [self] account, authentication, transaction, now in
        let found = try browsers.open(cookie, for: account, authentication, from: client, transaction, now)
        return (try answering(next, transaction) { try proceed(next, $0, found, code, transaction, now) }, cookie)
      }
    } catch let problem as Problem where [400, 401, 403, 409, 422, 429].contains(problem.status) {
      return (.signIn(query, client: asker, redirect: redirect, problem: problem), nil)
    }
  }
}
