import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import NotificationAPI
import OrderAPI
import Testbed
import Testing
@testable import NotificationServer

@Suite struct WebhookTests {
  static let path = "/api/v1/notification-webhooks"

  static func make(
    _ notes: NotificationFixture, _ events: [String] = ["order.*"], url: String = "https://example.com/hook",
    token: String? = nil
  ) async throws -> Webhook {
    try await notes.send(NotificationAPI.createWebhook, nil, ["url": url, "events": events], token: token).value
  }

  static func deliveries(_ notes: NotificationFixture, _ webhook: Webhook) async throws -> [WebhookDelivery] {
    let path = "\(path)/\(webhook.id.lowercased)/deliveries?limit=100"
    return try await notes.send(NotificationAPI.webhookDeliveries, path).value.items
  }

  static func find(_ notes: NotificationFixture, _ webhook: Webhook) async throws -> Webhook {
    try await notes.send(NotificationAPI.webhook, "\(path)/\(webhook.id.lowercased)").value
  }

  @Test(
    "an event goes once to each webhook that wants it, signed, whoever tells it how often", arguments: Engine.available)
  func delivers(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let orders = try await Self.make(notes)
      let confirmed = try await Self.make(notes, ["order.confirmed.v1"], url: "https://example.com/other")
      let users = try await Self.make(notes, ["user.*"], url: "https://example.com/users")
      let (order, user, event) = (OrderedIDs.next(), OrderedIDs.next(), OrderedIDs.next())
      for _ in 0..<2 {
        try await notes.tellWebhooks(OrderEvents.orderConfirmed, OrderEvent(orderID: order, userID: user), id: event)
      }
      try await notes.tellWebhooks(OrderEvents.orderPlaced, OrderEvent(orderID: order, userID: user))
      #expect(try await notes.deliverWebhooks() == 3)
      #expect(try await Self.deliveries(notes, users).isEmpty)
      #expect(try await Self.deliveries(notes, confirmed).map(\.eventID) == [event])
      let sent = try await Self.deliveries(notes, orders)
      #expect(sent.map(\.eventType) == ["order.placed.v1", "order.confirmed.v1"])
      #expect(sent.allSatisfy { $0.state == .known(.delivered) && $0.responseStatus == 204 && $0.attempts == 1 })

      let request = try #require(notes.outgoing.requests.first { $0.headers["webhook-id"] == sent[1].id.lowercased })
      #expect(request.url.absoluteString == "https://example.com/hook")
      #expect(request.headers["content-type"] == "application/json")
      let body = try JSONDecoder().decode(JSONObject.self, from: Data(request.body)).members
      #expect(body["type"] == .string("order.confirmed.v1") && body.keys.sorted() == ["data", "timestamp", "type"])
      #expect(
        body["data"] == .object(["order_id": .string(order.lowercased), "user_id": .string(user.lowercased)]))
      let time = try #require(request.headers["webhook-timestamp"])
      #expect(time == "\(Int64(notes.clock.now.timeIntervalSince1970))")
      let wanted = WebhookSignature.headers(
        sent[1].id.lowercased, at: notes.clock.now, body: request.body, secrets: [try #require(orders.secret)])
      #expect(request.headers["webhook-signature"] == wanted["webhook-signature"])
    }
  }

  /// The example of the specification's own text.
  @Test("a signature is the one that Standard Webhooks computes")
  func signature() {
    let headers = WebhookSignature.headers(
      "msg_p5jXN8AQM9LWM0D4loKWxJek", at: Date(timeIntervalSince1970: 1_614_265_330),
      body: Array(#"{"test": 2432232314}"#.utf8), secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    #expect(headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    #expect(headers["webhook-timestamp"] == "1614265330")
  }

  @Test(
    "a secret is shown once, kept sealed, and beside its successor for as long as was asked",
    arguments: Engine.available)
  func rotation(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let webhook = try await Self.make(notes)
      let first = try #require(webhook.secret)
      #expect(first.hasPrefix("whsec_") && Data(base64Encoded: String(first.dropFirst(6)))?.count == 32)
      #expect(try await Self.find(notes, webhook).secret == nil)
      let kept: [UInt8] = try #require(try await notes.database.rows("SELECT secret FROM webhooks").first).get(0)
      #expect(!String(decoding: kept, as: UTF8.self).contains(first.dropFirst(6)))

      let path = "\(Self.path)/\(webhook.id.lowercased)/secret/rotate"
      let rotated = try await notes.send(NotificationAPI.rotateWebhookSecret, path, ["overlap_seconds": 60]).value
      let second = try #require(rotated.secret)
      #expect(second != first && rotated.formerSecretUntil == notes.clock.now + 60)
      for (wait, secrets) in [(0.0, [second, first]), (61, [second])] {
        notes.clock.advance(wait)
        let test = try await notes.send(NotificationAPI.testWebhook, "\(Self.path)/\(webhook.id.lowercased)/test")
        #expect(test.status == 202)
        try await notes.deliverWebhooks()
        let request = try #require(notes.outgoing.requests.last)
        let wanted = WebhookSignature.headers(
          request.headers["webhook-id"] ?? "", at: notes.clock.now, body: request.body, secrets: secrets)
        #expect(request.headers["webhook-signature"] == wanted["webhook-signature"])
      }
      #expect(try await notes.send(NotificationAPI.rotateWebhookSecret, path, ["overlap_seconds": -1]).status == 422)
    }
  }

  @Test(
    "what fails is tried eight times under one id, ends as a dead letter, and is sent when it is replayed",
    arguments: Engine.available)
  func ladder(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let webhook = try await Self.make(notes)
      notes.outgoing.answer { _ in .reply(status: 503, body: []) }
      try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      let began = notes.clock.now
      for attempt in 1...8 {
        #expect(try await notes.deliverWebhooks() == 1, "attempt \(attempt)")
        #expect(try await notes.deliverWebhooks() == 0, "not before its time")
        let delivery = try #require(try await Self.deliveries(notes, webhook).first)
        if let next = delivery.nextAttemptAt { notes.clock.advance(next.timeIntervalSince(notes.clock.now)) }
      }
      #expect(notes.clock.now.timeIntervalSince(began) <= 1_800)
      let dead = try #require(try await Self.deliveries(notes, webhook).first)
      #expect(dead.state == .known(.deadLettered) && dead.reason == "retries_exhausted" && dead.responseStatus == 503)
      #expect(try await Self.find(notes, webhook).failingSince != nil)
      let path = "\(Self.path)/\(webhook.id.lowercased)/deliveries/\(dead.id.lowercased)"
      notes.outgoing.answer { _ in .reply(status: 200, body: []) }
      #expect(try await notes.send(NotificationAPI.replayWebhookDelivery, "\(path)/replay").status == 202)
      #expect(try await notes.send(NotificationAPI.replayWebhookDelivery, "\(path)/replay").code == "invalid_state")
      #expect(try await notes.deliverWebhooks() == 1)
      let done = try await notes.send(NotificationAPI.webhookDelivery, path).value
      #expect(done.state == .known(.delivered) && done.attempts == 9 && done.log.count == 9)
      #expect(done.log.map(\.responseStatus) == Array(repeating: 503, count: 8) + [200])
      #expect(done.log[0].error == "it answered 503" && done.log[8].error == nil)
      #expect(Set(notes.outgoing.requests.map { $0.headers["webhook-id"] }).count == 1)
      #expect(Set(notes.outgoing.requests.map(\.body)).count == 1)
      #expect(try await Self.find(notes, webhook).failingSince == nil)
    }
  }

  @Test(
    "410 disables at once, days of failures do; whoever made it gets a mail, and others an event",
    arguments: Engine.available)
  func disabled(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let maker = notes.recipients.add("ada@example.org", locale: "de")
      let token = ["user", maker.lowercased, "*:*"].joined(separator: "~")
      let gone = try await Self.make(notes, url: "https://example.com/gone", token: token)
      let failing = try await Self.make(notes, url: "https://example.com/failing", token: token)
      notes.outgoing.answer { request in
        request.url.path == "/gone" ? .reply(status: 410, body: []) : .failed("no connection in time")
      }
      func tell() async throws {
        try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      }
      try await tell()
      try await notes.deliverWebhooks()
      let first = try await Self.find(notes, gone)
      #expect(first.state == .known(.disabled) && first.reason == "gone")
      #expect(try await Self.deliveries(notes, gone).first?.reason == "gone")
      notes.clock.advance(2.9 * 86_400)
      try await notes.deliverWebhooks()
      #expect(try await Self.find(notes, failing).state == .known(.enabled))
      notes.clock.advance(0.2 * 86_400)
      try await notes.deliverWebhooks()
      let second = try await Self.find(notes, failing)
      #expect(second.state == .known(.disabled) && second.reason == "failing")
      try await tell()
      #expect(try await Self.deliveries(notes, gone).count == 1, "nothing more is kept for it")

      try await notes.deliver()
      let mails = try await notes.outbox()
      #expect(
        mails.map(\.template) == ["webhook.disabled", "webhook.disabled"] && mails.allSatisfy { $0.locale == "de" })
      #expect(mails.contains { $0.body.contains("https://example.com/gone") && $0.body.contains("nicht mehr gibt") })
      let events = try await notes.database.rows("SELECT body FROM outbox").map {
        try CloudEvent(json: try $0.get("body"))
      }.filter { $0.type == NotificationEvents.webhookDisabled.name }
      #expect(Set(events.compactMap(\.subject)) == [gone.id.lowercased, failing.id.lowercased])

      let path = "\(Self.path)/\(failing.id.lowercased)"
      #expect(try await notes.send(NotificationAPI.testWebhook, "\(path)/test").code == "webhook_disabled")
      let enabled = try await notes.send(NotificationAPI.updateWebhook, path, ["state": "enabled"]).value
      #expect(enabled.state == .known(.enabled) && enabled.reason == nil && enabled.failingSince == nil)
    }
  }

  @Test("a process that dies between sending and recording sends again under the same id", arguments: Engine.available)
  func dies(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let webhook = try await Self.make(notes)
      try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      let lost = try await notes.service.webhookRun.claim(limit: 10)
      #expect(lost.assignments.count == 1)
      #expect(try await notes.deliverWebhooks() == 0, "the lease is not over")
      notes.clock.advance(WebhookRun.lease)
      #expect(try await notes.deliverWebhooks() == 1)
      // The first one was only slow: its record changes nothing.
      try await notes.service.webhookRun.run(lost.assignments[0])
      let delivery = try #require(try await Self.deliveries(notes, webhook).first)
      #expect(delivery.state == .known(.delivered) && delivery.attempts == 2)
      #expect(Set(notes.outgoing.requests.map { $0.headers["webhook-id"] }) == [delivery.id.lowercased])
    }
  }

  @Test("one webhook with much to be told leaves room for the others", arguments: Engine.available)
  func fair(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      _ = try await Self.make(notes)
      for _ in 0..<30 { try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7())) }
      let other = try await Self.make(notes, url: "https://example.com/other")
      try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      let claim = try await notes.service.webhookRun.claim(limit: 20)
      #expect(claim.assignments.count == 9 && claim.assignments.filter { $0.webhook?.id == other.id }.count == 1)
    }
  }

  @Test(
    "a URL that leads into the house, carries a password or is not https is refused",
    arguments: [
      "http://example.com/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/",
      "https://169.254.169.254/latest/meta-data", "https://[::ffff:192.168.0.1]/", "https://[fd00:ec2::254]/",
      "https://user:password@example.com/", "https://example.com:22/", "https://example.com/#x", "ftp://example.com",
      "https://", "x", "https://a.localhost/", "https://exam ple.com/",
    ])
  func urls(_ url: String) {
    let fields = WebhookFields(policy: AddressPolicy(), offered: ["order.paid.v1"])
    #expect(fields.errors(url: url, events: ["*"], description: nil).map(\.field) == ["url"])
  }

  @Test("addresses of machines, networks and clouds are private, and others are not")
  func addresses() throws {
    let policy = AddressPolicy()
    for text in [
      "127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.100.100.200",
      "168.63.129.16", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
      "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "2001::1",
    ] {
      #expect(!policy.allows(try #require(IPAddress(text))), "\(text)")
      #expect(AddressPolicy(allowsPrivate: true).allows(try #require(IPAddress(text))))
    }
    for text in ["93.184.216.34", "172.32.0.1", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"] {
      #expect(policy.allows(try #require(IPAddress(text))), "\(text)")
    }
  }

  @Test("patterns name types, families or all, and nothing else")
  func patterns() {
    for (text, type, isMatch) in [
      ("*", "order.paid.v1", true), ("order.*", "order.paid.v1", true), ("order.*", "orders.paid.v1", false),
      ("order.paid.*", "order.paid.v2", true), ("order.paid.v1", "order.paid.v1", true),
      ("order.paid.v1", "order.paid.v10", false),
    ] {
      #expect(EventPattern(text)?.matches(type) == isMatch, "\(text) \(type)")
    }
    for text in ["", "order", "order.paid", "o*", "order.*.v1", "order.p*", "a.b.c.d", "Order.*", "order. *", "**"] {
      #expect(EventPattern(text) == nil, "\(text)")
    }
  }

  @Test(
    "a webhook is read, changed, deleted with what it was to be told, and refused with all that is wrong",
    arguments: Engine.available)
  func interface(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let wrong = try await notes.send(
        NotificationAPI.createWebhook, nil, ["url": "http://x.example", "events": ["nothing.*", "Bad"]])
      #expect(wrong.status == 422)
      #expect(Set(wrong.fields) == ["url", "events.0", "events.1"])
      let webhook = try await Self.make(notes)
      let twice = try await notes.send(
        NotificationAPI.createWebhook, nil, ["url": "https://example.com/hook", "events": ["order.*"]])
      #expect(twice.status == 409 && twice.code == "webhook_exists")
      let path = "\(Self.path)/\(webhook.id.lowercased)"
      let changed = try await notes.send(
        NotificationAPI.updateWebhook, path, ["events": ["user.*", "order.*", "user.*"], "description": "shop"],
        headers: ["If-Match": webhook.entityTag.description])
      #expect(try changed.value.events == ["order.*", "user.*"])
      let late = try await notes.send(
        NotificationAPI.updateWebhook, path, ["description": "x"], headers: ["If-Match": webhook.entityTag.description])
      #expect(late.status == 412)
      #expect(try await notes.send(NotificationAPI.webhooks).value.items.map(\.id) == [webhook.id])
      try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      #expect(try await notes.send(NotificationAPI.deleteWebhook, path).status == 204)
      #expect(try await notes.send(NotificationAPI.webhook, path).status == 404)
      #expect(try await notes.deliverWebhooks() == 0)
      #expect(try await notes.count("webhook_deliveries") == 0)
      let reader = FakeVerifier.token("webhooks:read")
      #expect(
        try await notes.send(
          NotificationAPI.createWebhook, nil, ["url": "https://x.example", "events": ["*"]], token: reader
        ).status == 403)
    }
  }
}
