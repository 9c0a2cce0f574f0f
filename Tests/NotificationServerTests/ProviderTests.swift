import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NotificationAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct ProviderTests {
  private static let secret = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()

  private static func provider(_ name: String, _ channel: DeliveryChannel = .sms) -> MessageProvider {
    MessageProvider(name: name, channel: channel, url: "https://\(name).example/send", secret: secret)!
  }

  private static func accepted(_ id: String = "SM1") -> OutgoingAnswer {
    .reply(status: 202, body: Array(#"{"id":"\#(id)"}"#.utf8))
  }

  private static func run(
    on engine: Engine, _ providers: [MessageProvider],
    _ body: @escaping @Sendable (NotificationFixture, UUID) async throws -> Void
  ) async throws {
    try await NotificationFixture.run(on: engine, providers: providers) { notes in
      try await notes.publishNote()
      let user = notes.recipients.add("ada@example.org", phone: "+4915112345678")
      // A text message costs and disturbs, so it is off until somebody wants it.
      notes.recipients.prefer(NotificationPreferences(choices: [.sms: [.orders: true]]), of: user)
      try await body(notes, user)
    }
  }

  /// The names of the providers that were asked, in their order.
  private static func asked(_ notes: NotificationFixture) -> [String] {
    notes.outgoing.requests.map { $0.url.host()!.replacing(".example", with: "") }
  }

  @Test("a text message is handed to a provider, signed and under one key", arguments: Engine.available)
  func sent(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main")]) { notes, user in
      notes.outgoing.answer { _ in Self.accepted("SM42") }
      let id = try await notes.note(1, to: user, by: ["sms"])
      try await notes.deliver()
      let request = try #require(notes.outgoing.requests.first)
      let delivery = try #require(try await notes.find(id).deliveries.first)
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == #"{"channel":"sms","id":"\#(delivery.id.lowercased)","text":"Note 1 of Gravity","to":"+4915112345678"}"#)
      #expect(request.headers["idempotency-key"] == delivery.id.lowercased)
      #expect(
        WebhookSignature.isGood(
          { request.headers[$0] }, body: Data(request.body), secrets: [Self.secret], at: notes.clock.now))
      #expect(delivery.state == .known(.sent) && delivery.error == nil && delivery.sentAt == notes.clock.now)
      #expect(delivery.history.map(\.state.rawValue) == ["queued", "sent"])
      #expect(delivery.history.last?.detail == "main as SM42")
      let kept = try await notes.outbox("recipient=%2B4915112345678")
      #expect(kept.map(\.body) == ["Note 1 of Gravity"])
    }
  }

  @Test(
    "a provider in trouble is passed over for the next; when all are it is tried again, under the same key",
    arguments: Engine.available)
  func failover(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main"), Self.provider("spare")]) { notes, user in
      notes.outgoing.answer {
        $0.url.host() == "main.example" ? .reply(status: 503, body: []) : Self.accepted()
      }
      let first = try await notes.note(1, to: user, by: ["sms"])
      try await notes.deliver()
      #expect(Self.asked(notes) == ["main", "spare"])
      #expect(try await notes.state(first, .sms) == "sent ")
      let answers: [OutgoingAnswer] = [
        .failed("no answer came in time"), .reply(status: 429, body: []), .reply(status: 500, body: []),
        .reply(status: 401, body: []), .reply(status: 200, body: Array("<html>".utf8)),
      ]
      for answer in answers {
        notes.outgoing.answer { _ in answer }
        let id = try await notes.note(2, to: user, by: ["sms"])
        let before = notes.outgoing.requests.count
        try await notes.deliver()
        #expect(try await notes.state(id, .sms) == "queued ", "\(answer)")
        notes.outgoing.answer { _ in Self.accepted() }
        notes.clock.advance(1_000)
        try await notes.deliver()
        #expect(try await notes.state(id, .sms) == "sent ")
        let keys = Set(notes.outgoing.requests.dropFirst(before).map { $0.headers["idempotency-key"] })
        #expect(keys.count == 1, "a repeated try is no second message")
      }
    }
  }

  @Test("what a provider refuses for good bounces, with its reason, and no other is asked", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main"), Self.provider("spare")]) { notes, user in
      notes.outgoing.answer { _ in
        .reply(status: 422, body: Array(#"{"code":"landline","message":"takes no text"}"#.utf8))
      }
      let id = try await notes.note(1, to: user, by: ["sms"])
      try await notes.deliver()
      #expect(Self.asked(notes) == ["main"])
      let delivery = try #require(try await notes.find(id).deliveries.first)
      #expect(delivery.state == .known(.bounced) && delivery.error == "main: it answered 422: landline: takes no text")
      // A number that ended is written to no more.
      notes.outgoing.answer { _ in .reply(status: 410, body: []) }
      _ = try await notes.note(2, to: user, by: ["sms"])
      try await notes.deliver()
      let third = try await notes.note(3, to: user, by: ["sms"])
      try await notes.deliver()
      #expect(try await notes.state(third, .sms) == "suppressed address_suppressed")
      #expect(Self.asked(notes).count == 2)
      let listed = try await notes.send(
        NotificationAPI.suppression, "/api/v1/notification-suppressions/+4915112345678"
      ).value
      #expect(listed.reason == "hard_bounce")
    }
  }

  @Test("a provider that fails three times in a row is asked last for a while, and is never the only hope lost")
  func aside() async throws {
    let (clock, http) = (TestClock(), FakeOutgoing())
    let chain = ProviderChain([Self.provider("main"), Self.provider("spare")], http: http) { clock.now }
    let message = ChannelMessage(
      id: UUID.v7(), recipient: "+4915112345678", name: nil,
      content: RenderedMessage(subject: "", text: "x", html: nil, locale: "en"), date: clock.now, userID: nil,
      notificationID: UUID.v7(), category: .orders, about: nil, expiresAt: nil)
    let request = ProviderRequest(sms: message)
    http.answer { $0.url.host() == "main.example" ? .failed("away") : Self.accepted() }
    for _ in 0..<4 { #expect(await chain.send(request) == .accepted("spare as SM1")) }
    func asked() -> [String] { http.requests.map { String($0.url.host()!.prefix(5)) } }
    #expect(asked() == ["main.", "spare", "main.", "spare", "main.", "spare", "spare"])
    #expect(chain.route.hasPrefix("spare, then main (put aside until "))
    http.answer { _ in .failed("away") }
    #expect(await chain.send(request) == .troubled("spare: away; main: away"))
    http.answer { $0.url.host() == "main.example" ? Self.accepted("SM2") : .failed("away") }
    clock.advance(ProviderChain.greatestPause)
    #expect(await chain.send(request) == .accepted("main as SM2"))
    #expect(chain.route == "main, then spare")
  }

  @Test("text messages follow preferences and suppressions by channel and category", arguments: Engine.available)
  func preferences(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main")]) { notes, user in
      notes.outgoing.answer { _ in Self.accepted() }
      notes.recipients.prefer(NotificationPreferences(), of: user)
      let unwanted = try await notes.note(1, to: user, by: ["sms", "email"])
      try await notes.deliver()
      #expect(try await notes.state(unwanted, .sms) == "suppressed opted_out")
      #expect(try await notes.state(unwanted, .email) == "sent ")
      let given = try await notes.notify([
        "template": "my.note", "phone": "+4915187654321", "data": ["n": 1],
      ]).value
      #expect(given.deliveries.map(\.channel) == [.known(.sms)])
      try await notes.deliver()
      #expect(try await notes.state(given.id, .sms) == "sent ")
      let silent = notes.recipients.add("bob@example.org")
      notes.recipients.prefer(NotificationPreferences(choices: [.sms: [.orders: true]]), of: silent)
      let numberless = try await notes.note(1, to: silent, by: ["sms"])
      try await notes.deliver()
      #expect(try await notes.state(numberless, .sms) == "suppressed no_address")
      let mistakes: [(fields: [String: Any], field: String)] = [
        (["channels": ["in_app"], "phone": "+4915187654321"], "channels.0"),
        (["channels": ["sms", "sms"], "phone": "+4915187654321"], "channels.1"),
        (["phone": "015112345678"], "phone"), (["channels": [String](), "phone": "+4915187654321"], "channels"),
        (["channels": ["push"], "user_id": user.lowercased], "channels.0"),
      ]
      for (fields, wrong) in mistakes {
        let reply = try await notes.notify(
          fields.merging(["template": "my.note", "data": ["n": 1]]) { $1 })
        #expect(reply.status == 422 && reply.fields.contains(wrong), "\(fields): \(reply.text)")
      }
    }
  }

  @Test(
    "what only the recipient may read is kept until the last channel has it, and no longer", arguments: Engine.available
  )
  func secrets(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main")]) { notes, user in
      notes.outgoing.answer { _ in Self.accepted() }
      notes.recipients.prefer(NotificationPreferences(choices: [.sms: [.account: true]]), of: user)
      let path = "/api/v1/notification-templates/my.code"
      let saved = try await notes.send(
        NotificationAPI.saveDraft, "\(path)/draft",
        [
          "default_locale": "en", "variables": [["name": "code", "kind": "secret", "required": true]],
          "texts": [["locale": "en", "subject": "Your code", "text": "{{code}}", "sms": "Code {{code}}"]],
        ])
      #expect(saved.status == 200)
      #expect(try await notes.send(NotificationAPI.publishTemplate, "\(path)/publish").status == 200)
      let made = try await notes.notify([
        "template": "my.code", "user_id": user.lowercased, "channels": ["email", "sms"], "data": ["code": "Zk3-9Qw"],
      ])
      #expect(made.status == 202)
      let mails = try await notes.service.sending.claim(.email)
      #expect(mails.assignments.count == 1)
      try await notes.service.sending.run(mails.assignments)
      #expect(try await notes.count("notifications WHERE data IS NOT NULL") == 1)
      #expect(try await notes.deliver() == 1)
      #expect(try await notes.count("notifications WHERE data IS NOT NULL") == 0)
      let sent = try #require(notes.outgoing.requests.first)
      #expect(String(decoding: sent.body, as: UTF8.self).contains("Code Zk3-9Qw"))
      let kept = try await notes.outbox()
      #expect(kept.count == 2 && kept.allSatisfy { !$0.body.contains("Zk3-9Qw") && $0.body.contains("••••") })
    }
  }

  // MARK: Reports

  private static func report(
    _ notes: NotificationFixture, _ id: String, _ status: String, reason: String? = nil, secret: String = secret,
    age: TimeInterval = 0, from provider: String = "main"
  ) async throws -> Int {
    var fields = ["id": id, "status": status]
    fields["reason"] = reason
    let body = Array(try JSONSerialization.data(withJSONObject: fields))
    var headers: HTTPFields = [.contentType: "application/json"]
    for (name, value) in WebhookSignature.headers(
      "report-1", at: notes.clock.now - age, body: body, secrets: [secret])
    { headers[HTTPField.Name(name)!] = value }
    return try await notes.client.execute(
      uri: "/api/v1/notifications/providers/\(provider)/status", method: .post, headers: headers,
      body: ByteBuffer(bytes: body)
    ).status.code
  }

  @Test("what a provider reports is believed by its signature, and ends a delivery once", arguments: Engine.available)
  func reports(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main")]) { notes, user in
      notes.outgoing.answer { _ in Self.accepted() }
      let (good, bad) = (try await notes.note(1, to: user, by: ["sms"]), try await notes.note(2, to: user, by: ["sms"]))
      let ids = try await [good, bad].asyncMap { try await notes.find($0).deliveries[0].id.lowercased }
      #expect(try await Self.report(notes, ids[0], "delivered") == 503, "it is not handed over yet")
      try await notes.deliver()
      let other = "whsec_" + Data(repeating: 8, count: 32).base64EncodedString()
      #expect(try await Self.report(notes, ids[0], "delivered", secret: other) == 400)
      #expect(try await Self.report(notes, ids[0], "delivered", age: 301) == 400)
      #expect(try await Self.report(notes, ids[0], "delivered", age: -301) == 400)
      #expect(try await Self.report(notes, ids[0], "delivered", from: "nobody") == 404)
      #expect(try await Self.report(notes, UUID.v7().lowercased, "delivered") == 404)
      #expect(try await Self.report(notes, ids[0], "lost") == 422)
      #expect(try await notes.state(good, .sms) == "sent ")
      for status in ["delivered", "delivered", "undelivered"] {
        #expect(try await Self.report(notes, ids[0], status) == 204)
      }
      #expect(try await notes.state(good, .sms) == "delivered ", "the first that ends it counts")
      #expect(try await Self.report(notes, ids[1], "undelivered", reason: "phone is off") == 204)
      #expect(try await notes.state(bad, .sms) == "undelivered undelivered")
      #expect(try await notes.find(bad).deliveries[0].history.last?.detail == "phone is off")
      #expect(try await notes.told(of: good) == ["queued", "sent", "delivered"])
      #expect(try await notes.told(of: bad) == ["queued", "sent", "undelivered"])
    }
  }

  // MARK: Devices

  private static func register(
    _ notes: NotificationFixture, _ user: UUID, _ token: String, _ more: [String: Any] = [:]
  ) async throws -> Reply<PushDevice> {
    try await notes.send(
      NotificationAPI.registerDevice, nil, ["platform": "ios", "token": token].merging(more) { $1 },
      token: FakeVerifier.token(of: user))
  }

  private static func devices(_ notes: NotificationFixture, _ user: UUID) async throws -> [PushDevice] {
    try await notes.send(NotificationAPI.devices, token: FakeVerifier.token(of: user)).value.items
  }

  @Test(
    "a device is registered once, has a bound, follows whoever signs in, and is dropped", arguments: Engine.available)
  func devices(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main", .push)]) { notes, user in
      let first = try await Self.register(notes, user, "token-0", ["name": "Ada's phone"])
      #expect(first.status == 201 && !first.text.contains("token-0"), "nobody is told a token")
      let again = try await Self.register(notes, user, "token-0")
      #expect(try again.value.id == first.value.id)
      let other = notes.recipients.add("bob@example.org")
      _ = try await Self.register(notes, other, "token-0")
      #expect(try await Self.devices(notes, user).isEmpty)
      for number in 1...12 {
        notes.clock.advance(1)
        _ = try await Self.register(notes, user, "token-\(number)")
      }
      let devices = try await Self.devices(notes, user)
      #expect(devices.count == 10)
      let path = "/api/v1/notifications/devices/\(devices[0].id.lowercased)"
      let (mine, others) = (FakeVerifier.token(of: user), FakeVerifier.token(of: other))
      #expect(try await notes.send(NotificationAPI.dropDevice, path, token: others).status == 404)
      #expect(try await notes.send(NotificationAPI.dropDevice, path, token: mine).status == 204)
      #expect(try await Self.devices(notes, user).count == 9)
      for wrong in ["", "with space", String(repeating: "x", count: 4_097)] {
        #expect(try await Self.register(notes, user, wrong).fields == ["token"])
      }
      #expect(try await Self.register(notes, user, "x", ["platform": "fax"]).status == 422)
    }
  }

  @Test(
    "a push message goes to all of a user's devices; one that is unregistered is dropped", arguments: Engine.available)
  func push(_ engine: Engine) async throws {
    try await Self.run(on: engine, [Self.provider("main", .push)]) { notes, user in
      let none = try await notes.note(1, to: user, by: ["push"])
      try await notes.deliver()
      #expect(try await notes.state(none, .push) == "suppressed no_device")
      _ = try await Self.register(notes, user, "good")
      _ = try await Self.register(notes, user, "ended", ["platform": "android"])
      notes.outgoing.answer { request in
        String(decoding: request.body, as: UTF8.self).contains(#""to":"ended""#)
          ? .reply(status: 422, body: Array(#"{"code":"unregistered"}"#.utf8)) : Self.accepted()
      }
      let id = try await notes.note(2, to: user, by: ["push"])
      try await notes.deliver()
      #expect(try await notes.state(id, .push) == "sent ", "one device is enough")
      let sent = notes.outgoing.requests.map { String(decoding: $0.body, as: UTF8.self) }.sorted()
      #expect(
        sent.count == 2 && sent.allSatisfy { $0.contains(#""title":"Note 2""#) && $0.contains(#""link":"/notes/2""#) })
      #expect(try await Self.devices(notes, user).map(\.platform) == [.known(.ios)])
      let device = try await Self.devices(notes, user)[0].id
      let delivery = try await notes.find(id).deliveries[0].id
      let key = "\(delivery.lowercased).\(device.lowercased)"
      #expect(try await Self.report(notes, delivery.lowercased, "delivered") == 404, "it names no device")
      #expect(try await Self.report(notes, key, "undelivered", reason: "unregistered") == 204)
      #expect(try await notes.state(id, .push) == "sent ")
      #expect(try await Self.devices(notes, user).isEmpty)
      #expect(try await Self.report(notes, key, "delivered") == 204)
      #expect(try await notes.state(id, .push) == "delivered ")
      // When no device takes it any more it has bounced.
      _ = try await Self.register(notes, user, "ended")
      let last = try await notes.note(3, to: user, by: ["push"])
      try await notes.deliver()
      #expect(try await notes.state(last, .push) == "bounced rejected")
    }
  }

  @Test("a list of providers is read strictly")
  func settings() {
    let good = "main https://a.example/send \(Self.secret), spare http://b.internal:8080/x \(Self.secret) 5"
    #expect(MessageProvider.list(good, .sms)?.map(\.name) == ["main", "spare"])
    #expect(MessageProvider.list(good, .sms)?.map(\.timeout) == [.seconds(10), .seconds(5)])
    for bad in [
      "", "main https://a.example/send", "main ftp://a.example \(Self.secret)",
      "main https://a.example \(Self.secret) 31", "main https://a.example short",
      "Main https://a.example \(Self.secret)", "main https://u:p@a.example \(Self.secret)",
      "\(good), main https://c.example \(Self.secret)",
    ] { #expect(MessageProvider.list(bad, .sms) == nil, "\(bad)") }
  }
}

extension Array {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
