public import Foundation
public import GravityContracts
public import GravityData
import GravityEvents
import GravityPersonalData
public import GravityHTTP
public import GravityIdentity
import GravitySaga
import GravityTasks
public import Hummingbird
public import Logging
public import Metrics
public import ServiceLifecycle
import UserAPI

/// The user service, put together. It is ready as soon as user_db is migrated: serve ``responder(settings:telemetry:)``
/// and run ``tasks``.
public struct UserService: Sendable {
  /// What ``Migrator`` brings user_db to.
  public static var migrations: [Migration] { UserSchema.migrations }

  /// What happens to accounts elsewhere, for whoever hears the events.
  public let lifecycle: Lifecycle

  let core: UserCore
  let worker: TaskWorker
  let verifier: any TokenVerifier
  let copies: AccountCopies
  let profiles: Profiles
  let deletion: OwnDeletion
  let preferences: PreferenceBook
  let addresses: AddressBook
  let administration: UserAdministration
  let erasures: Erasures
  let holds: LegalHolds
  let consents: Consents
  let teams: Teams
  let members: TeamMembers
  let invites: TeamInvites
  let mails: UserMails
  let collector: ExportCollector
  let exports: Exports
  let personalData: UserPersonalData
  let runner: SagaRunner
  let gauges: ErasureGauges

  /// - Parameters:
  ///   - verifier: Checks users' tokens.
  ///   - directory: Where accounts are known: ``RemoteAccountDirectory``.
  ///   - services: The others that hold personal data: ``RemotePersonalDataServices``.
  ///   - signer: Signs proofs of erasures.
  ///   - pseudonyms: Under what names consents are kept.
  ///   - masterKey: What the tokens in mails are derived from, and archives sealed with.
  ///   - notifier: Sends mails: ``RemoteUserNotifier``.
  ///   - publicAddress: Where people reach the platform, `https://shop.example.com`; without it mails have no links.
  ///   - isAlone: Whether no other process has this database, so that what a process that died was doing is gone on
  ///     with at once.
  ///   - reader: A cache before ``DatabaseProfiles``; the database itself when it is not given.
  /// - Throws: ``UserConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, directory: any AccountDirectory,
    reader: (any ProfileReader)? = nil, services: any PersonalDataServices, signer: CertificateSigner,
    pseudonyms: ConsentPseudonyms, masterKey: MasterKey, notifier: any UserNotifier, publicAddress: String?,
    configuration: UserConfiguration = .init(), isAlone: Bool = false, logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) throws {
    try configuration.validate()
    let core = UserCore(
      database: database, configuration: configuration, clock: clock, newID: newID,
      events: Outbox(service: UserAPI.service, newID: newID), logger: logger)
    let copies = AccountCopies(core: core, directory: directory)
    let profiles = Profiles(
      core: core, reader: reader ?? DatabaseProfiles(database: database, configuration: configuration),
      copies: copies)
    self.core = core
    self.verifier = verifier
    self.copies = copies
    self.profiles = profiles
    let sagas = SagaStore(database)
    // The saga erases by the lifecycle, which starts the saga: it is found by its name and state alone.
    let personalData = UserPersonalData(core: core, pseudonyms: pseudonyms)
    let begun = ErasureSaga.make(
      core, Lifecycle(core: core, copies: copies, personalData: personalData) { _, _ in }, signer)
    lifecycle = Lifecycle(core: core, copies: copies, personalData: personalData) { user, transaction in
      try sagas.start(
        begun, id: user, subject: user.lowercased, state: ErasureState(userID: user), in: transaction)
    }
    var running = SagaRunner.Configuration()
    running.isAlone = isAlone
    runner = SagaRunner(sagas, of: [AnySaga(begun)], configuration: running, logger: logger, metrics: metrics)
    erasures = Erasures(core: core, sagas: sagas, services: services, personalData: personalData)
    self.personalData = personalData
    holds = LegalHolds(core: core)
    consents = Consents(core: core, profiles: profiles, pseudonyms: pseudonyms)
    gauges = ErasureGauges(metrics)
    teams = Teams(core: core, profiles: profiles)
    members = TeamMembers(core: core, profiles: profiles)
    let base = publicAddress.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    mails = UserMails(core: core, notifier: notifier, secrets: UserSecrets(masterKey: masterKey), base: base)
    invites = TeamInvites(core: core, profiles: profiles, mails: mails)
    let envelope = Envelope(masterKey)
    collector = ExportCollector(core: core, services: services, own: personalData, envelope: envelope, mails: mails)
    let authentication = RecentAuthentication(core: core, directory: directory)
    exports = Exports(
      core: core, profiles: profiles, authentication: authentication, envelope: envelope, hasPublicAddress: base != nil)
    worker = TaskWorker(database: database, name: "user", logger: logger, metrics: metrics)
    try ErasureSchedule.handle(lifecycle, on: worker)
    mails.handle(on: worker)
    collector.handle(on: worker)
    deletion = OwnDeletion(core: core, profiles: profiles, authentication: authentication, services: services)
    preferences = PreferenceBook(core: core, profiles: profiles)
    addresses = AddressBook(core: core, profiles: profiles)
    administration = UserAdministration(core: core, profiles: profiles)
  }

  /// Looks at accounts of which something was heard, begins erasures that are due and carries them through, sends
  /// mails, collects exports, deletes what expired. Ends on graceful shutdown.
  public var tasks: any Service {
    UserTasks(core: core, copies: copies, worker: worker, runner: runner, gauges: gauges)
  }

  /// What serves ``UserAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(
      declared: UserAPI.endpoints + PersonalDataAPI.endpoints(of: UserAPI.service), telemetry: telemetry)
  }
}
