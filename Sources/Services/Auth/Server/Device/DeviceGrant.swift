import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// The device's side of RFC 8628: it gets its codes, then asks until somebody decided.
struct DeviceGrant: Sendable {
  /// Of one client, that live.
  private static let greatestCount = 10_000
  /// Seconds by which a question may be early: networks are uneven.
  private static let leeway: TimeInterval = 0.5
  /// Seconds that a device waits longer when it asked too soon (§3.5).
  private static let slowDown = 5

  let core: AuthCore
  let clients: ClientAuthentication

  /// - Throws: `Problem` 400 or 401 (RFC 6749 §5.2); 503 when the client has too many devices that wait.
  func begin(_ request: DeviceRequest, authorization: String?) async throws -> DeviceAuthorization {
    let client = try await clients.authenticate(.init(request, authorization: authorization))
    guard client.grants.contains(.deviceCode) else {
      throw Problem(400, "unauthorized_client", "The client may not use \(Client.Grant.deviceCode.rawValue)")
    }
    let scopes = try OAuthScope.granted(request.scope, of: client.scopes)
    let age = request.maxAge.map { Int($0) }
    guard age == nil || age.flatMap({ $0 }).map({ $0 >= 0 }) == true else {
      throw Problem(400, "invalid_request", "max_age is a number of seconds")
    }
    // Not in the transaction that inserts: a bound need not be exact, and would make those that come at once wait.
    let waiting = try await core.read { try DeviceStore($0).count(of: client.id, now: $1, limit: Self.greatestCount) }
    guard waiting < Self.greatestCount else {
      throw Problem(503, "temporarily_unavailable", "Too many devices of this client wait", retryAfter: 30)
    }
    let deviceCode = Data(core.randomBytes(32)).base64URLEncodedString()
    let lifetime = core.configuration.deviceCodeLifetime
    // Nobody gets the code of somebody else: the few that are taken are drawn anew.
    for _ in 0..<5 {
      let userCode = UserCode(random: core.randomBytes(UserCode.randomSize))
      let isInserted = try await core.write { [core] transaction, now in
        var row = DeviceRow(
          hash: DeviceStore.hash(deviceCode), userCode: userCode.hash(core.masterKey), clientID: client.id,
          scopes: scopes, pause: core.configuration.devicePause, expiresAt: (now + lifetime).roundedToMicroseconds)
        row.needsSecondFactor = UserAuthentication.needsSecondFactor(request.acrValues)
        row.maximumAge = age.flatMap { $0 }
        return try DeviceStore(transaction).insert(row)
      }
      guard isInserted else { continue }
      let page = core.configuration.issuer + AuthAPI.devicePage.path
      return DeviceAuthorization(
        deviceCode: deviceCode, userCode: userCode.grouped, verificationURI: page,
        verificationURIComplete: "\(page)?user_code=\(userCode.grouped)", expiresIn: Int(lifetime),
        interval: core.configuration.devicePause)
    }
    throw Problem(503, "temporarily_unavailable", "No code is free", retryAfter: 30)
  }

  private enum Outcome: Sendable {
    case open(OpenSession)
    /// Kept, then told.
    case refused(Problem)
  }

  /// What the device is told: tokens, once; until then why not (§3.5).
  func open(_ request: TokenRequest, for client: ClientRow, from device: ClientDevice) async throws -> OpenSession {
    guard let code = request.deviceCode, !code.isEmpty else {
      throw Problem(400, "invalid_request", "device_code is missing")
    }
    let (hash, session) = (DeviceStore.hash(code), core.newID())
    let outcome = try await core.write { transaction, now in
      try poll(hash, client, session, device, transaction, now)
    }
    switch outcome {
    case .open(let session): return session
    case .refused(let problem): throw problem
    }
  }

  private func poll(
    _ hash: [UInt8], _ client: ClientRow, _ session: UUID, _ device: ClientDevice, _ transaction: any Transaction,
    _ now: Date
  ) throws -> Outcome {
    let store = DeviceStore(transaction)
    try store.lock(hash)
    // Another client's code tells that client nothing, and costs the right one nothing.
    guard let row = try store.find(hash), row.clientID == client.id, row.state != .consumed else {
      return .refused(Problem(400, "invalid_grant", "The device code is not good"))
    }
    guard row.expiresAt > now else {
      return .refused(Problem(400, "expired_token", "The device code expired", detail: "Ask for another one."))
    }
    switch row.state {
    case .denied: return .refused(Problem(400, "access_denied", "The user said no"))
    case .pending, .consumed: return .refused(try answer(row, store, now))
    case .approved: break
    }
    guard let approval = row.approval, try store.consume(hash),
      let account = try AccountStore(transaction).find(approval.accountID), account.status == .active,
      account.epoch == approval.epoch,
      // Ten minutes may have gone by since it asked.
      let client = try ClientStore(transaction).find(client.id, using: .deviceCode, for: row.scopes)
    else { return .refused(Problem(400, "invalid_grant", "Who let the device in, or its client, has changed since")) }
    return .open(
      try ClientSession(core: core).open(
        session, of: account, for: client, scopes: row.scopes, approval.authentication, from: device, transaction, now))
  }

  private func answer(_ row: DeviceRow, _ store: DeviceStore, _ now: Date) throws -> Problem {
    let isEarly = row.polledAt.map { now.timeIntervalSince($0) + Self.leeway < Double(row.pause) } ?? false
    // More than its lifetime makes no difference.
    let pause = min(row.pause + (isEarly ? Self.slowDown : 0), Int(core.configuration.deviceCodeLifetime))
    try store.polled(row.hash, at: now, pause: pause)
    return isEarly
      ? Problem(400, "slow_down", "Asked too soon", detail: "Wait \(pause) seconds between two questions.")
      : Problem(400, "authorization_pending", "Nobody has decided yet")
  }
}

extension ClientAuthentication.Credentials {
  init(_ request: DeviceRequest, authorization: String?) {
    self.init(
      authorization: authorization, clientID: request.clientID, clientSecret: request.clientSecret,
      assertionType: request.clientAssertionType, assertion: request.clientAssertion)
  }
}
