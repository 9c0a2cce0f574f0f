import AsyncHTTPClient
import AuthAPI
import Foundation
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NotificationAPI
import Synchronization
import Testbed
import Testing
@testable import AuthServer

/// The notification service as auth sees it: remembers what it was asked for, and answers as it is told.
private final class FakeNotifications: Sendable {
  struct Asked: Sendable {
    var key: String
    var token: String
    var body: NewNotification
  }
  private let state = Mutex((asked: [Asked](), answers: [(Int, String)]()))
  var asked: [Asked] { state.withLock { $0.asked } }
  /// Status and code of the next answers; after that 202.
  func answer(_ answers: [(Int, String)]) { state.withLock { $0.answers = answers } }

  /// Runs `body` with a client of it.
  func serve(_ body: @escaping @Sendable (EndpointClient) async throws -> Void) async throws {
    let router = Router()
    router.post("/api/v1/notifications") { request, _ -> Response in
      let bytes = try await request.body.collect(upTo: 1 << 20)
      let asked = Asked(
        key: request.headers[HTTPField.Name("Idempotency-Key")!] ?? "", token: request.headers[.authorization] ?? "",
        body: try WireFormat.makeDecoder().decode(NewNotification.self, from: Data(String(buffer: bytes).utf8)))
      let answer = self.state.withLock { state in
        state.asked.append(asked)
        return state.answers.isEmpty ? nil : state.answers.removeFirst()
      }
      if let (status, code) = answer {
        return Response(
          status: .init(code: status), headers: [.contentType: "application/problem+json"],
          body: .init(
            byteBuffer: ByteBuffer(
              string: String(
                decoding: try WireFormat.makeEncoder().encode(Problem(status, ProblemCode(rawValue: code), "no")),
                as: UTF8.self))))
      }
      let record = NotificationRecord(
        id: asked.body.id ?? UUID(), template: asked.body.template, userID: nil, about: nil, locale: nil,
        deliveries: [],
        createdAt: Date())
      return Response(
        status: .accepted, headers: [.contentType: "application/json"],
        body: .init(
          byteBuffer: ByteBuffer(string: String(decoding: try WireFormat.makeEncoder().encode(record), as: UTF8.self))))
    }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
    try await application.test(.live) { client in
      let instances = InstanceSet(
        service: NotificationAPI.service,
        [ServiceInstance(id: "1", service: NotificationAPI.service, host: "127.0.0.1", port: try #require(client.port))]
      )
      try await body(EndpointClient(http: .shared, instances: instances) { "a service's token" })
    }
  }
}

@Suite struct MailTests {
  private static func recover(_ auth: AuthFixture, _ email: String = "a@example.org") async throws {
    _ = try await auth.send(AuthAPI.recover, nil, ["email": email])
  }

  private static func sweep(_ auth: AuthFixture) async throws {
    try await #require(auth.service.tasks as? Maintenance).sweep()
  }

  private static func dead(_ auth: AuthFixture) async throws -> [DeadMail] {
    try await auth.send(AuthAPI.deadMail, token: try await auth.administrator()).value.items
  }

  @Test(
    "a message is asked for under its own id, with its token and until that expires", arguments: [Engine.available[0]])
  func request(_ engine: Engine) async throws {
    let service = FakeNotifications()
    try await service.serve { client in
      let now = Date()
      let message = AuthMessage(
        id: UUID.v7(), kind: .recovery, email: "a@example.org", name: "A\nB", token: "t0ken", expiresAt: now + 600,
        account: UUID.v7())
      try await RemoteNotifier(notifications: client, now: { now }).send(message)
      let asked = try #require(service.asked.first)
      #expect(asked.key == message.id.lowercased && asked.body.id == message.id)
      #expect(asked.token == "Bearer a service's token")
      #expect(
        asked.body.template == "auth.recovery" && asked.body.address == "a@example.org" && asked.body.name == "AB")
      #expect(asked.body.userID == message.account && asked.body.expiresAt == message.expiresAt?.roundedToMicroseconds)
      #expect(asked.body.data == ["auth": .object(["token": .string("t0ken"), "minutes": .integer(10)])])
    }
  }

  @Test(
    "what was asked for before is done, what is refused is not tried again, the rest is",
    arguments: [Engine.available[0]])
  func answers(_ engine: Engine) async throws {
    let service = FakeNotifications()
    try await service.serve { client in
      let notifier = RemoteNotifier(notifications: client)
      let message = AuthMessage(
        id: UUID.v7(), kind: .emailChanged, email: "a@example.org", name: "A", token: nil, expiresAt: nil)
      service.answer([
        (409, "id_taken"), (422, "idempotency_key_reused"), (422, "invalid"), (503, "busy"), (403, "forbidden"),
      ])
      try await notifier.send(message)
      try await notifier.send(message)
      await #expect(throws: MessageRefused.self) { try await notifier.send(message) }
      await #expect(throws: Problem.self) { try await notifier.send(message) }
      await #expect(throws: Problem.self) { try await notifier.send(message) }
    }
  }

  @Test(
    "attempts are further apart each time, do not count as messages, and end as a dead letter that can be revived",
    arguments: Engine.available)
  func ladder(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      try await Self.recover(auth)
      auth.mailbox.failNext(.max)
      var attempts = 0
      for _ in 0..<3_600 {
        attempts += try await auth.service.mail.deliverDue()
        auth.clock.advance(1)
      }
      // 2, 4, 8, 16, 32 and then every 60 seconds.
      #expect((60...70).contains(attempts))
      #expect(try await Self.dead(auth).isEmpty)
      try await Self.sweep(auth)
      let letter = try #require(try await Self.dead(auth).first)
      #expect(letter.kind == "recovery" && letter.email == "a@example.org" && letter.error == "CocoaError")
      #expect(letter.attempts == Int64(attempts))
      #expect(try await auth.service.mail.deliverDue() == 0)
      auth.mailbox.failNext(0)
      let path = "/api/v1/auth/mail/dead-letters/\(letter.id.lowercased)/retry"
      #expect(try await auth.send(AuthAPI.retryDeadMail, path, token: try await auth.administrator()).status == 202)
      #expect(try await auth.send(AuthAPI.retryDeadMail, path, token: try await auth.administrator()).status == 404)
      // The tokens of the attempts are no reason to hold it for a flood.
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.map(\.id) == [letter.id])
      #expect(!auth.log.lines.joined().contains(try #require(auth.mailbox.all.first?.token)))
    }
  }

  @Test("the dead letters are for administrators, and forgotten after a week", arguments: Engine.available)
  func forgotten(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      #expect(try await auth.send(AuthAPI.deadMail, token: user.tokens.accessToken).status == 403)
      try await Self.recover(auth)
      auth.clock.advance(3_601)
      try await Self.sweep(auth)
      #expect(try await Self.dead(auth).count == 1)
      auth.clock.advance(7 * 86_400)
      try await Self.sweep(auth)
      #expect(try await Self.dead(auth).isEmpty)
    }
  }
}
