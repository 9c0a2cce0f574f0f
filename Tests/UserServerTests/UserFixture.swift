import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Testbed
import Testing
import UserAPI
@testable import UserServer

/// What a client gets, not what a handler of GravityHTTP adds to it.
typealias Reply = Testbed.Reply

/// The user service as clients see it, on a clock that a test moves and an auth that it makes up.
struct UserFixture: Sendable {
  let database: any Database
  let clock: TestClock
  let directory: FakeDirectory
  let services: FakeServices
  let notifier: FakeNotifier
  let log: LogOutput
  let service: UserService
  let client: any TestClientProtocol

  static func run(
    on engine: Engine, reader: (@Sendable (DatabaseProfiles) -> any ProfileReader)? = nil,
    _ configure: (inout UserConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (UserFixture) async throws -> Void
  ) async throws {
    var configuration = UserConfiguration()
    configure(&configuration)
    let settings = configuration
    try await engine.withDatabase(UserService.migrations) { database in
      let (clock, directory, log) = (TestClock(), FakeDirectory(), LogOutput(collecting: .json))
      let (services, notifier) = (FakeServices(), FakeNotifier())
      let logger = Logger(label: "user") { ECSLogHandler(label: $0, service: "user", level: .trace, output: log) }
      let service = try UserService(
        database: database, verifier: FakeVerifier(), directory: directory,
        reader: reader?(DatabaseProfiles(database: database, configuration: settings)), services: services,
        signer: try await CertificateSigner(masterKey: MasterKey(), issuer: "https://gravity.example"),
        pseudonyms: ConsentPseudonyms(MasterKey()), masterKey: MasterKey(), notifier: notifier,
        publicAddress: "https://gravity.example",
        configuration: settings, logger: logger, clock: .fixed { clock.now }, newID: { OrderedIDs.next() })
      let application = Application(
        responder: try service.responder(telemetry: HTTPTelemetry(logger: logger, metrics: PrometheusMetrics())),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        logger: .silent)
      try await application.test(.live) { client in
        try await body(
          UserFixture(
            database: database, clock: clock, directory: directory, services: services, notifier: notifier, log: log,
            service: service, client: client))
      }
    }
  }

  // MARK: Calls

  /// Sends `body` as it is; nil sends none.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, raw body: String?, token: String? = nil,
    headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if body != nil { headers[.contentType] = "application/json" }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    return Reply(
      try await client.execute(
        uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
        body: body.map { ByteBuffer(string: $0) }))
  }

  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String? = nil, headers: [String: String] = [:]
  ) async throws -> Reply<Response> {
    let json = try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)
    return try await send(
      endpoint, path, raw: endpoint.hasBody ? String(decoding: json, as: UTF8.self) : nil, token: token,
      headers: headers)
  }

  // MARK: People

  struct Person: Sendable {
    let id: UUID
    let token: String
  }

  /// An account in auth, of which this service has not heard.
  func person(_ email: String, name: String = "Somebody") -> Person {
    let id = directory.add(email, name: name)
    return Person(id: id, token: FakeVerifier.token(id))
  }

  /// Somebody of whom this service has heard.
  func known(_ email: String, name: String = "Somebody") async throws -> Person {
    let person = person(email, name: name)
    #expect(try await me(person).status == 200)
    return person
  }

  /// Sends the mails that wait, as the task does.
  func deliver() async throws {
    let waiting = try await database.rows(
      "SELECT id, payload FROM gravity_tasks WHERE type = 'users.send_mail' AND state = 'waiting' ORDER BY id")
    for row in waiting {
      let (id, payload): (UUID, String) = (try row.get("id"), try row.get("payload"))
      try await service.mails.send(try JSONDecoder().decode(UserMailRequest.self, from: Data(payload.utf8)))
      try await database.write { try $0.execute("DELETE FROM gravity_tasks WHERE id = \(id)") }
    }
  }

  var administrator: String {
    FakeVerifier.token(directory.add("root@example.org"), ["users:read", "users:hold", "users:consents"])
  }

  func me(_ person: Person) async throws -> Reply<Profile> { try await send(UserAPI.profile, token: person.token) }

  /// By somebody who has just signed in.
  func askErasure(of person: Person, headers: [String: String] = [:]) async throws -> Reply<Profile> {
    try await send(
      UserAPI.deleteProfile, token: "\(person.token)~at=\(Int(clock.now.timeIntervalSince1970))", headers: headers)
  }

  /// What other services are told about a user, in its order: `updated 2`, `preferences general`, `erased`.
  func changes(of id: UUID) async throws -> [String] {
    let events = try await database.rows("SELECT body FROM outbox WHERE subject = \(id.lowercased)").map {
      try CloudEvent(json: try $0.get("body"))
    }
    return try events.sorted { $0.sequence < $1.sequence }.map { event in
      #expect(UserEvents.all.contains { $0.name == event.type })
      func payload<Payload: Decodable>(_ type: EventType<Payload>) throws -> Payload {
        try WireFormat.makeDecoder().decode(Payload.self, from: Data(event.data))
      }
      switch event.type {
      case UserEvents.userUpdated.name: return "updated \(try payload(UserEvents.userUpdated).version)"
      case UserEvents.preferencesChanged.name:
        return "preferences \(try payload(UserEvents.preferencesChanged).namespace)"
      default: return String(event.type.split(separator: ".")[1])
      }
    }
  }

  func count(_ table: SQL, of user: UUID, _ column: SQL = "user_id") async throws -> Int {
    try await database.rows("SELECT count(*) FROM \(table) WHERE \(column) = \(user)").first?.get(0) ?? 0
  }
}
