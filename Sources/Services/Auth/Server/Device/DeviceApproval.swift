import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What the browser sees next.
enum DeviceStep: Sendable {
  case signIn(AuthorizationQuery)
  case enterCode(String?, session: UUID, problem: Problem?)
  case confirm(UserCode, DeviceRow, client: ClientRow, account: AccountRow, session: UUID)
  case decided(isAllowed: Bool, client: ClientRow)
}

/// The person's side of RFC 8628: they sign in, enter the code, see which device it is and decide. Whoever only opens
/// an address does nothing: a code that stands in it is shown, not used.
struct DeviceApproval: Sendable {
  let core: AuthCore
  let browsers: BrowserSessions
  let attempts: Attempts

  static let refusal = Problem(
    400, "invalid_user_code", "There is no device with that code",
    detail: "Compare it with what your device shows. A code is good for a few minutes.")

  func begin(_ query: DeviceQuery, cookie: String?) async throws -> DeviceStep {
    let code = query.userCode.flatMap(UserCode.init)
    let found = try await core.read { try browsers.find(cookie, $0, $1) }
    guard let found else { return .signIn(.device(code)) }
    return .enterCode(code?.grouped, session: found.session.id, problem: nil)
  }

  /// A code was typed. Wrong ones are counted for the account and for the address (§5.1), as wrong passwords are; one
  /// that is right forgets none of them: whoever has a device could make themselves right ones.
  func enter(_ form: DeviceCodeForm, cookie: String?, from client: ClientDevice) async throws -> DeviceStep {
    let code = form.userCode.flatMap(UserCode.init)
    return try await core.write { transaction, now in
      guard let found = try browsers.find(cookie, transaction, now) else { return .signIn(.device(code)) }
      let typed = code?.grouped ?? form.userCode.map { String($0.prefix(32)) }
      func again(_ problem: Problem) -> DeviceStep { .enterCode(typed, session: found.session.id, problem: problem) }
      // What can be no code was not guessed.
      guard let code else { return again(Self.refusal) }
      let origin = attempts.origin(email: "device code of \(found.account.id.lowercased)", address: client.address)
      do { try attempts.check(origin, transaction, now: now) } catch let problem as Problem { return again(problem) }
      guard let (row, client) = try pending(code, transaction, now) else {
        try attempts.failed(origin, transaction, now: now)
        return again(Self.refusal)
      }
      do {
        guard try isEnough(found, for: row, transaction, now) else { return .signIn(.device(code, anew: true)) }
      } catch let problem as Problem { return again(problem) }
      return .confirm(code, row, client: client, account: found.account, session: found.session.id)
    }
  }

  /// What a device asked for of whoever lets it in (RFC 9470 §4): its tokens say how and when they authenticated, not
  /// that they did so at the device.
  /// - Returns: false where signing in again would do.
  /// - Throws: ``Problem`` where it would not.
  private func isEnough(
    _ found: BrowserSessions.Found, for row: DeviceRow, _ transaction: any Transaction, _ now: Date
  ) throws -> Bool {
    if row.needsSecondFactor, found.authentication.assurance != UserAuthentication.secondLevel {
      guard try SecondLevel.isReachable(by: found.account.id, core, transaction) else {
        throw Problem(
          403, "unmet_authentication_requirements", "The device asks for a second factor, and your account has none",
          detail: "Add one to your account first, then sign in again.")
      }
      return false
    }
    return row.maximumAge.map { now.timeIntervalSince(found.session.authenticatedAt) <= Double($0) } ?? true
  }

  func decide(_ form: DeviceDecisionForm, cookie: String?) async throws -> DeviceStep {
    // The form's token is over the code, so it is one that was looked up before.
    guard let code = form.userCode.flatMap(UserCode.init) else { throw Self.refusal }
    return try await core.write { transaction, now in
      guard let found = try browsers.find(cookie, transaction, now) else { return .signIn(.device(code)) }
      guard let (row, client) = try pending(code, transaction, now) else { throw Self.refusal }
      let store = DeviceStore(transaction)
      try store.lock(row.hash)
      let isAllowed = form.decision == "allow"
      guard try !isAllowed || isEnough(found, for: row, transaction, now) else {
        return .signIn(.device(code, anew: true))
      }
      let isFirst =
        isAllowed
        ? try store.approve(
          row.hash,
          by: .init(accountID: found.account.id, epoch: found.account.epoch, authentication: found.authentication))
        : try store.deny(row.hash)
      guard isFirst else { throw Self.refusal }
      return .decided(isAllowed: isAllowed, client: client)
    }
  }

  private func pending(
    _ code: UserCode, _ transaction: any Transaction, _ now: Date
  ) throws -> (DeviceRow, ClientRow)? {
    guard let row = try DeviceStore(transaction).find(userCode: code.hash(core.masterKey)), row.state == .pending,
      row.expiresAt > now, let client = try ClientStore(transaction).find(row.clientID), client.enabled,
      client.grants.contains(.deviceCode)
    else { return nil }
    return (row, client)
  }
}

extension AuthorizationQuery {
  /// What is no response type of any client: the sign-in goes on to the device page.
  private static let device = "gravity_device"

  /// To sign in for the device page.
  /// - Parameter anew: Whether a provider has to see them anew, too.
  static func device(_ code: UserCode?, anew: Bool = false) -> AuthorizationQuery {
    var query = AuthorizationQuery()
    query.prompt = anew ? "login" : nil
    query.responseType = device
    query.state = code?.grouped
    return query
  }

  /// Where a sign-in for the device page goes on; nil of every other.
  var devicePage: String? {
    guard responseType == Self.device else { return nil }
    let path = AuthAPI.devicePage.path
    return state.flatMap(UserCode.init).map { "\(path)?user_code=\($0.grouped)" } ?? path
  }
}
