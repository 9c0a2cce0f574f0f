import AuthAPI
import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Synchronization
import Testbed
import Testing

final class TestClock: Sendable {
  private let time = Mutex(Date(microsecondsSince1970: Date().microsecondsSince1970))
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// Keeps messages instead of sending them.
final class Mailbox: Notifier {
  private let messages = Mutex<[AuthMessage]>([])
  private let failures = Mutex(0)
  private let arrived = AsyncStream<AuthMessage>.makeStream()
  /// Each message as it comes, to one listener.
  var arrivals: AsyncStream<AuthMessage> { arrived.stream }
  var all: [AuthMessage] { messages.withLock { $0 } }
  func failNext(_ count: Int) { failures.withLock { $0 = count } }
  func send(_ message: AuthMessage) async throws {
    let fails = failures.withLock { failures in
      defer { failures = max(0, failures - 1) }
      return failures > 0
    }
    if fails { throw CocoaError(.fileWriteUnknown) }
    messages.withLock { $0.append(message) }
    arrived.continuation.yield(message)
  }
}

final class RecordedLog: Sendable {
  let output = LogOutput(collecting: .json)
  var lines: [String] { output.lines }
  var logger: Logger {
    Logger(label: "auth") { [output] in ECSLogHandler(label: $0, service: "auth", level: .trace, output: output) }
  }
}

/// What a client gets, not what a handler of GravityHTTP adds to it.
typealias Reply = Testbed.Reply

/// The auth service as clients see it, on a clock that a test moves.
struct AuthFixture: Sendable {
  static let password = "correct horse battery"
  let database: any Database
  let clock: TestClock
  let mailbox: Mailbox
  let log: RecordedLog
  let masterKey: MasterKey
  let service: AuthService
  let client: any TestClientProtocol

  /// - Parameter administrator: Whether `root@example.org` exists and has every permission.
  static func run(
    on engine: Engine, administrator: Bool = true, _ configure: (inout AuthConfiguration) -> Void = { _ in },
    providers: (TestClock, RecordedLog) throws -> [FederatedProvider] = { _, _ in [] },
    _ body: @escaping @Sendable (AuthFixture) async throws -> Void
  ) async throws {
    var configuration = AuthConfiguration()
    configuration.passwordCost = 4
    configure(&configuration)
    let settings = configuration
    try await engine.withDatabase(AuthService.migrations) { database in
      let (clock, mailbox, log, masterKey) = (TestClock(), Mailbox(), RecordedLog(), MasterKey())
      let service = try await instance(
        database, masterKey, settings, mailbox, clock, log, providers: try providers(clock, log))
      if administrator {
        _ = try await service.bootstrapAdministrator(email: "root@example.org", password: password)
      }
      let responder = try service.responder(
        telemetry: HTTPTelemetry(logger: log.logger, metrics: PrometheusMetrics()))
      let application = Application(
        responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        logger: .silent)
      try await application.test(.live) { client in
        try await body(
          AuthFixture(
            database: database, clock: clock, mailbox: mailbox, log: log, masterKey: masterKey, service: service,
            client: client))
      }
    }
  }

  static func instance(
    _ database: any Database, _ masterKey: MasterKey, _ configuration: AuthConfiguration, _ mailbox: Mailbox,
    _ clock: TestClock, _ log: RecordedLog, providers: [FederatedProvider] = [], tokenStore: (any TokenStore)? = nil,
    list: RevocationList = RevocationList(maximumAge: nil)
  ) async throws -> AuthService {
    let service = try await AuthService(
      database: database, masterKey: masterKey, configuration: configuration, providers: providers,
      hasher: PasswordHasher(cost: configuration.passwordCost, threads: 2, queue: 1000), notifier: mailbox,
      tokenStore: tokenStore ?? InMemoryTokenStore(list: list, now: { clock.now }), revocations: list,
      logger: log.logger,
      clock: .fixed { clock.now })
    try await service.prepare()
    return service
  }

  // MARK: Calls

  /// Sends a request of an endpoint as a client would, twice the same for the same fields.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String? = nil, address: String = "192.0.2.1", headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    headers[HTTPField.Name("X-Forwarded-For")!] = address
    headers[.userAgent] = "test-device/1.0"
    if let token { headers[.authorization] = "Bearer \(token)" }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    var body: ByteBuffer?
    if endpoint.hasBody {
      headers[.contentType] = "application/json"
      let json = try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)
      body = ByteBuffer(string: String(decoding: json, as: UTF8.self))
    }
    let response = try await client.execute(
      uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers, body: body)
    return Reply(response)
  }

  /// RFC 7009. Returns the status.
  func revoke(_ token: String) async throws -> Int {
    try await client.execute(
      uri: AuthAPI.revokeToken.path, method: .post, headers: [.contentType: "application/x-www-form-urlencoded"],
      body: ByteBuffer(string: "token=\(token)&token_type_hint=refresh_token")
    ).status.code
  }

  /// Registers somebody with ``password``.
  @discardableResult
  func register(_ email: String, name: String = "Somebody") async throws -> Reply<Registered> {
    try await send(AuthAPI.register, nil, ["email": email, "password": Self.password, "name": name])
  }

  func login(
    _ email: String, _ password: String = Self.password, address: String = "192.0.2.1"
  ) async throws -> Reply<Tokens> {
    try await send(AuthAPI.login, nil, ["email": email, "password": password], address: address)
  }

  /// Registers and logs in.
  func newUser(_ email: String) async throws -> (id: UUID, tokens: Tokens) {
    let id = try #require(try await register(email).value.id)
    return (id, try await login(email).value)
  }

  func refresh(_ token: String) async throws -> Reply<Tokens> {
    try await send(AuthAPI.refresh, nil, ["refresh_token": token])
  }

  func administrator() async throws -> String { try await login("root@example.org").value.accessToken }

  /// Whether the token still gets in.
  func isAccepted(_ token: String) async throws -> Bool {
    let status = try await send(AuthAPI.me, token: token).status
    #expect(status == 200 || status == 401)
    return status == 200
  }
}
