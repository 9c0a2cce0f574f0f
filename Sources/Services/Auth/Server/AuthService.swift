import AuthAPI
public import Foundation
public import GravityContracts
public import GravityData
public import GravityEvents
public import GravityHTTP
public import GravityIdentity
import GravityPersonalData
public import Hummingbird
public import Logging
public import ServiceLifecycle

/// The auth service, put together. Start it with ``prepare()``, then serve ``responder(telemetry:)`` and run
/// ``tasks``.
public struct AuthService: Sendable {
  /// What ``Migrator`` brings auth_db to, before ``prepare()``.
  public static var migrations: [Migration] { AuthSchema.migrations }

  /// Checks users' tokens, and those of services; what this service's own routes use.
  public let verifier: JWTVerifier

  let core: AuthCore
  let keys: SigningKeys
  let revocations: Revocations
  let registrations: Registrations
  let ownAccount: OwnAccount
  let administration: AccountAdministration
  let accountSecurity: AccountSecurityAdministration
  let roles: Roles
  let login: Login
  let refresh: Refresh
  let sessions: Sessions
  let recovery: PasswordRecovery
  let emailChanges: EmailChanges
  let mail: MailQueue
  let mailFiles: MailFiles?
  let issuer: TokenIssuer
  let clients: Clients
  let tokenEndpoint: TokenEndpoint
  let introspector: Introspector
  let revoker: TokenRevoker
  let metadata: ServerMetadata
  let authorization: Authorization
  let apiKeys: APIKeys
  let secondFactors: SecondFactors
  let stepUp: StepUp
  let passkeys: Passkeys
  let passkeySignIn: PasskeySignIn
  let deviceGrant: DeviceGrant
  let deviceApproval: DeviceApproval
  let federation: Federation
  let linkedIdentities: LinkedIdentities
  let userInfo: UserInfoReader
  let formGuard: FormGuard
  let bootstrap: Bootstrap
  let snapshot: AccountSnapshot
  let announcer: RevocationAnnouncer?

  /// - Parameters:
  ///   - providers: Others that people may sign in with, in the order in which they are shown.
  ///   - hasher: Made for the configured cost when it is not given; services of one process can share one.
  ///   - mailFiles: Where ``FileNotifier`` writes, or wrote before another notifier took its place: what is old there
  ///     goes.
  ///   - tokenStore: ``InMemoryTokenStore`` over `revocations` in one process.
  ///   - revocations: The list that verifiers of this process ask.
  ///   - broker: Where revocations are announced to gateways in other processes; they ask for them without it.
  ///   - randomBytes: As many as it is asked for; from the system when it is not given.
  /// - Throws: ``AuthConfigurationError``.
  public init(
    database: any Database, masterKey: MasterKey, previousMasterKeys: [MasterKey] = [],
    configuration: AuthConfiguration = .init(), providers: [FederatedProvider] = [], hasher: PasswordHasher? = nil,
    notifier: any Notifier, mailFiles: MailFiles? = nil, tokenStore: any TokenStore,
    revocations list: RevocationList, broker: (any EventBroker)? = nil, logger: Logger,
    clock: ServiceClock = .system, newID: @escaping @Sendable () -> UUID = { UUID.v7() },
    randomBytes: @escaping @Sendable (Int) -> [UInt8] = Self.systemRandomBytes
  ) async throws {
    try configuration.validate()
    let core = AuthCore(
      database: database, configuration: configuration,
      providers: try FederatedProviders(providers, issuer: configuration.issuer),
      passkeys: try PasskeySupport(configuration), masterKey: masterKey, clock: clock, newID: newID,
      randomBytes: randomBytes, events: Outbox(service: AuthAPI.service, newID: newID), logger: logger)
    self.core = core
    let envelope = Envelope(masterKey, previous: previousMasterKeys)
    keys = SigningKeys(core: core, envelope: envelope)
    verifier = JWTVerifier(
      issuers: [
        .init(
          name: configuration.issuer, audience: configuration.audience, keys: keys.source,
          serviceAudience: ServiceToken.audience),
        try await .services(masterKey: masterKey),
      ], revocations: list, now: clock.now)
    let passwords = Passwords(hasher: hasher ?? PasswordHasher(cost: configuration.passwordCost))
    let attempts = Attempts(core: core)
    issuer = TokenIssuer(core: core, keys: keys, store: tokenStore)
    revocations = Revocations(core: core, store: tokenStore, list: list)
    announcer = broker.map { [revocations] in RevocationAnnouncer(core: core, revocations: revocations, broker: $0) }
    mail = MailQueue(core: core, notifier: notifier)
    self.mailFiles = mailFiles
    let claim = AccountClaim(core: core, revocations: revocations, mail: mail)
    registrations = Registrations(
      core: core, passwords: passwords, mail: mail, claim: claim, revocations: revocations)
    ownAccount = OwnAccount(core: core, passwords: passwords, attempts: attempts, revocations: revocations)
    administration = AccountAdministration(core: core, revocations: revocations)
    roles = Roles(core: core, revocations: revocations)
    let check = CodeCheck(core: core, envelope: envelope, attempts: attempts, mail: mail)
    let challenges = SecondFactorChallenges(core: core, check: check)
    secondFactors = SecondFactors(
      core: core, envelope: envelope, check: check, mail: mail, revocations: revocations)
    let passkeyChallenges = PasskeyChallenges(core: core)
    passkeys = Passkeys(core: core, challenges: passkeyChallenges, mail: mail, revocations: revocations)
    passkeySignIn = PasskeySignIn(core: core, challenges: passkeyChallenges, attempts: attempts)
    stepUp = StepUp(core: core, ownAccount: ownAccount, check: check, passkeys: passkeySignIn, issuer: issuer)
    login = Login(core: core, passwords: passwords, attempts: attempts, issuer: issuer, challenges: challenges)
    refresh = Refresh(core: core, issuer: issuer, revocations: revocations)
    sessions = Sessions(core: core, store: tokenStore, revocations: revocations)
    accountSecurity = AccountSecurityAdministration(
      core: core, attempts: attempts, sessions: sessions, revocations: revocations)
    emailChanges = EmailChanges(
      core: core, ownAccount: ownAccount, attempts: attempts, mail: mail, claim: claim, revocations: revocations)
    recovery = PasswordRecovery(
      core: core, passwords: passwords, mail: mail, claim: claim, revocations: revocations)
    let known = try KnownClients(core: core)
    clients = Clients(core: core, revocations: revocations, known: known)
    let authentication = ClientAuthentication(core: core, known: known)
    deviceGrant = DeviceGrant(core: core, clients: authentication)
    tokenEndpoint = TokenEndpoint(
      core: core, clients: authentication, issuer: issuer, codes: CodeExchange(core: core, revocations: revocations),
      refresh: refresh, devices: deviceGrant)
    deviceApproval = DeviceApproval(core: core, browsers: BrowserSessions(core: core), attempts: attempts)
    authorization = Authorization(
      core: core, login: login, browsers: BrowserSessions(core: core), challenges: challenges)
    federation = Federation(
      core: core, authorization: authorization,
      accounts: FederatedAccounts(core: core, claim: claim, mail: mail), revocations: revocations)
    linkedIdentities = LinkedIdentities(core: core)
    userInfo = UserInfoReader(core: core)
    apiKeys = APIKeys(core: core, issuer: issuer, mail: mail, revocations: revocations)
    formGuard = FormGuard(masterKey: masterKey, issuer: configuration.issuer)
    introspector = Introspector(core: core, clients: authentication, verifier: verifier)
    revoker = TokenRevoker(core: core, clients: authentication, revocations: revocations, verifier: verifier)
    metadata = ServerMetadata(
      issuer: configuration.issuer, scopes: StandardScope.all,
      grants: Client.Grant.allCases, identityProviders: core.providers.all.map(\.displayName),
      assurances: [UserAuthentication.firstLevel, UserAuthentication.secondLevel])
    snapshot = AccountSnapshot(core: core)
    bootstrap = Bootstrap(core: core, passwords: passwords, claim: claim, revocations: revocations)
  }

  /// Puts roles, the console's client and keys in place and fills the blacklist. The service is ready when this returns;
  /// auth_db is migrated before.
  public func prepare() async throws {
    try await roles.seed()
    try await clients.seed()
    try await keys.maintain()
    try await revocations.seed()
  }

  /// The keys that tokens are signed with, for verifiers in the same process.
  public var keySource: any KeySource { keys.source }

  /// The signer of the active key.
  public func signer() async throws -> TokenSigner { try await keys.signer() }

  /// A token without a session, for scripts and benchmarks: `gravity token mint`.
  ///
  /// - Parameters:
  ///   - subject: An account's id, whose suspension ends the token too, or any name.
  ///   - lifetime: Seconds; at most ``AuthConfiguration/longestTokenLifetime``.
  /// - Throws: `Problem` 422 when the lifetime or a permission cannot be used.
  public func mintToken(
    subject: String, permissions: [Permission], roles: [String] = [], lifetime: TimeInterval
  ) async throws -> String {
    try await issuer.mint(subject: subject, permissions: permissions, roles: roles, lifetime: lifetime)
  }

  /// Makes the next key sign now: when the active one may be known to others. Its tokens stay good until they expire.
  public func rotateSigningKey() async throws { try await keys.rotate() }

  /// Follows other instances' revocations, sends mail, rotates keys, deletes what expired. Ends on graceful shutdown.
  public var tasks: any Service {
    Maintenance(
      core: core, keys: keys, revocations: revocations, mail: mail, files: mailFiles, announcer: announcer)
  }

  /// Makes the first administrator unless there is one.
  ///
  /// - Returns: nil when there is one already.
  /// - Throws: `Problem` 422 when the address or the password cannot be used.
  public func bootstrapAdministrator(email: String?, password: String?) async throws -> FirstAdministrator? {
    try await bootstrap.makeAdministrator(email: email, password: password)
  }

  /// What serves ``AuthAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(
      declared: AuthAPI.endpoints + PersonalDataAPI.endpoints(of: AuthAPI.service), telemetry: telemetry)
  }

  public static let systemRandomBytes: @Sendable (Int) -> [UInt8] = { count in
    var random = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }
}
