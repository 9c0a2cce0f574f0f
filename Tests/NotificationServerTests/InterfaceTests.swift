import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import HTTPTypes
import HummingbirdTesting
import NotificationAPI
import OrderAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct InterfaceTests {
  private static var greeting: [String: Any] {
    [
      "default_locale": "en",
      "variables": [
        ["name": "count", "kind": "integer", "required": true], ["name": "link", "kind": "url", "required": false],
      ],
      "texts": [
        [
          "locale": "en", "subject": "{{count}} new", "text": "{{recipient.email}} has {{count}} new.",
          "html": "<p>{{count}}</p>{{#if link}}<a href=\"{{link}}\">look</a>{{/if}}",
        ]
      ],
    ]
  }

  /// A template of one's own with a number.
  private static func publish(_ notes: NotificationFixture) async throws {
    let path = "/api/v1/notification-templates/digest.ready"
    #expect(try await notes.send(NotificationAPI.saveDraft, "\(path)/draft", greeting).status == 200)
    #expect(try await notes.send(NotificationAPI.publishTemplate, "\(path)/publish").status == 200)
  }

  @Test("a notification that is asked for is accepted, sent, and made once under its key", arguments: Engine.available)
  func create(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await Self.publish(notes)
      let user = notes.recipients.add("ada@example.org")
      let fields: [String: Any] = [
        "template": "digest.ready", "user_id": user.lowercased, "data": ["count": 3], "about": "week-7",
      ]
      let token = notes.administrator
      let first = try await notes.notify(fields, key: "one", token: token)
      #expect(first.status == 202)
      let made = try first.value
      #expect(made.deliveries.first?.state == .known(.queued) && made.about == "week-7")
      let replay = try await notes.notify(fields, key: "one", token: token)
      #expect(replay.status == 202 && replay.headers[.init("Idempotency-Replayed")!] == "true")
      #expect(try replay.value.id == made.id)
      var other = fields
      other["data"] = ["count": 4]
      #expect(try await notes.notify(other, key: "one", token: token).status == 422)
      #expect(try await notes.deliver() == 1)
      let mail = try #require(try await notes.outbox().first)
      #expect(mail.subject == "3 new" && mail.body == "ada@example.org has 3 new." && mail.html == "<p>3</p>")
      #expect(mail.templateVersion == 1)

      let address = try await notes.notify([
        "template": "digest.ready", "address": " Bob@Example.org ", "name": "Bob", "data": ["count": 1],
      ])
      #expect(address.status == 202)
      try await notes.deliver()
      #expect(try await notes.outbox("recipient=Bob@Example.org").count == 1)
    }
  }

  @Test("an id that the caller chose is one notification, and another content is refused", arguments: Engine.available)
  func chosenID(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      let id = OrderedIDs.next()
      let fields: [String: Any] = ["id": id.lowercased, "template": "welcome", "user_id": user.lowercased]
      let replies = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          let fields = fields.mapValues { "\($0)" }
          group.addTask { try await notes.notify(fields).status }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies == Array(repeating: 202, count: 6))
      #expect(try await notes.deliver() == 1)
      let again = try await notes.notify(fields)
      #expect(try again.value.id == id && again.value.deliveries.first?.state == .known(.sent))
      var other = fields
      other["locale"] = "de"
      let taken = try await notes.notify(other)
      #expect(taken.status == 409 && taken.code == "id_taken")
    }
  }

  @Test("what cannot be sent is refused with everything that is wrong", arguments: Engine.available)
  func refusals(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      try await Self.publish(notes)
      let user = notes.recipients.add("ada@example.org").lowercased
      let cases: [([String: Any], [String])] = [
        (["template": "nothing.there", "user_id": user], ["template"]),
        (["template": "", "user_id": user], ["template"]),
        (["template": "welcome"], ["user_id"]),
        (["template": "welcome", "address": "nobody"], ["address"]),
        (["template": "welcome", "address": "a@example.org\r\nBcc: b@example.org"], ["address"]),
        (["template": "welcome", "address": "a@example.org", "name": "A\nB"], ["name"]),
        (["template": "welcome", "user_id": user, "name": "A"], ["name"]),
        (["template": "welcome", "user_id": user, "locale": "no_such"], ["locale"]),
        (["template": "welcome", "user_id": user, "about": "a b"], ["about"]),
        (["template": "welcome", "user_id": user, "id": UUID().uuidString], ["id"]),
        (["template": "digest.ready", "user_id": user], ["data.count"]),
        (["template": "digest.ready", "user_id": user, "data": ["count": "3"]], ["data.count"]),
        (
          ["template": "digest.ready", "user_id": user, "data": ["count": 3, "link": "javascript:alert(1)"]],
          ["data.link"]
        ),
        (["template": "digest.ready", "user_id": user, "data": ["count": 3, "site": [:]]], ["data.site"]),
        (
          [
            "template": "digest.ready", "user_id": user,
            "data": ["count": 3, "x": String(repeating: "x", count: 33_000)],
          ],
          ["data"]
        ),
        (["template": "order.confirmed", "user_id": user], ["data.order.id"]),
      ]
      for (fields, wrong) in cases {
        let reply = try await notes.notify(fields)
        #expect(reply.status == 422 && Array(reply.fields.prefix(1)) == wrong, "\(fields): \(reply.text)")
        #expect(reply.headers[.contentType] == "application/problem+json")
      }
      let made = try await notes.count("notifications")
      #expect(made == 0)
      let keyless = try await notes.send(
        NotificationAPI.createNotification, nil, ["template": "welcome", "user_id": user])
      #expect(keyless.status == 400 && keyless.code == "idempotency_key_required")
      let malformed = try await notes.send(
        NotificationAPI.createNotification, raw: "{\"template\": ", token: notes.administrator,
        headers: ["Idempotency-Key": "x"])
      #expect(malformed.status == 400 && malformed.code == "malformed_json")
    }
  }

  @Test("only who may, may", arguments: [Engine.sqlite])
  func permissions(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let id = UUID.v7().lowercased
      // Whoever has the link of a mail has the right to it; a provider signs its reports.
      let byProof = ["unsubscriptionPage", "unsubscribe", "receiveProviderStatus"]
      for endpoint in NotificationAPI.endpoints where !byProof.contains(endpoint.name) {
        var needed: Permission?
        switch endpoint.access {
        case .permission(let permission): needed = permission
        case .authenticated: break
        default: Issue.record("\(endpoint.name) is for everybody")
        }
        let path = endpoint.path.replacing("{id}", with: id).replacing("{name}", with: "welcome")
          .replacing("{version}", with: "0").replacing("{delivery_id}", with: id)
          .replacing("{address}", with: "a@example.org")
        func status(_ token: String?) async throws -> Int {
          var headers: HTTPFields = [:]
          if let token { headers[.authorization] = "Bearer \(token)" }
          return try await notes.client.execute(
            uri: path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers
          ).status.code
        }
        let anonymous = try await status(nil)
        #expect(anonymous == 401, "\(endpoint.name)")
        guard let needed else {
          // A stream has no end to wait for.
          guard endpoint.responseType != EventStream.self else { continue }
          let own = try await status(FakeVerifier.token(of: UUID.v7()))
          #expect(own != 401 && own != 403, "\(endpoint.name) is for everybody who is signed in, about themselves")
          continue
        }
        let others = [
          "notifications:read", "notifications:write", "templates:read", "templates:write", "webhooks:read",
          "webhooks:write",
        ].map(Permission.init(rawValue:)).filter { $0 != needed }
        for other in others {
          let forbidden = try await status(FakeVerifier.token(other))
          #expect(forbidden == 403, "\(endpoint.name)")
        }
        let allowed = try await status(FakeVerifier.token(needed))
        #expect(allowed != 401 && allowed != 403, "\(endpoint.name)")
      }
    }
  }

  @Test("what is served is declared, described and named once")
  func declared() throws {
    let document = OpenAPI(title: "notification", version: "1", endpoints: NotificationAPI.endpoints)
    #expect(document.unknownTypes == [])
    #expect(String(decoding: try document.encoded(), as: UTF8.self).contains("\"next_attempt_at\""))
    let names = (AuthAPI.endpoints + UserAPI.endpoints + OrderAPI.endpoints + NotificationAPI.endpoints).map(\.name)
    #expect(Set(names).count == names.count, "the gateway's document has all")
    #expect(Set(NotificationEvents.all.map(\.name)).count == NotificationEvents.all.count)
    #expect(NotificationEvents.all.allSatisfy { $0.family == "notification" })
  }

  @Test("the outbox and the lists page newest first, and stay whole while mail comes in", arguments: Engine.available)
  func pages(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      func order() async throws { try await notes.confirmed(notes.orders.add(of: user), of: user) }
      for _ in 0..<25 { try await order() }
      try await notes.deliver()
      for (path, isOutbox) in [(NotificationAPI.outbox.path, true), (NotificationAPI.notifications.path, false)] {
        var (ids, cursor, pages) = ([UUID](), String?.none, 0)
        repeat {
          let query = "?limit=10" + (cursor.map { "&cursor=\($0)" } ?? "")
          if isOutbox {
            let page = try await notes.send(NotificationAPI.outbox, path + query).value
            (ids, cursor) = (ids + page.items.map(\.id), page.nextCursor?.description)
          } else {
            let page = try await notes.send(NotificationAPI.notifications, path + query).value
            (ids, cursor) = (ids + page.items.map(\.id), page.nextCursor?.description)
          }
          pages += 1
          try await order()
          try await notes.deliver()
        } while cursor != nil
        #expect(pages >= 3 && Set(ids).count == ids.count && ids.count >= 25)
        #expect(ids == ids.sorted { $0.lowercased > $1.lowercased })
      }
      for query in ["limit=0", "limit=101", "cursor=!", "state=lost", "cursor=\(Cursor(["a", "b"]))"] {
        #expect(try await notes.send(NotificationAPI.notifications, "/api/v1/notifications?\(query)").status == 422)
      }
      #expect(try await notes.outbox("user_id=\(UUID.v7().lowercased)").isEmpty)
    }
  }

  @Test("statistics count every state, and tell what waits too long", arguments: Engine.available)
  func statistics(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      func counts(_ query: String = "") async throws -> NotificationStatistics {
        try await notes.send(NotificationAPI.statistics, NotificationAPI.statistics.path + query).value
      }
      #expect(try await counts().states.count == DeliveryState.allCases.count * DeliveryChannel.allCases.count)
      let empty = try await counts()
      #expect(empty.total == 0 && empty.oldestDueAt == nil)
      let user = notes.recipients.add("ada@example.org")
      for _ in 0..<3 { try await notes.confirmed(notes.orders.add(of: user), of: user) }
      try await notes.deliver()
      let overdue = notes.clock.now
      try await notes.confirmed(notes.orders.add(of: user), of: user)
      notes.clock.advance(5)
      let all = try await counts()
      #expect(all.states.first { $0.state == .known(.sent) }?.count == 3)
      #expect(all.states.first { $0.state == .known(.queued) }?.count == 1)
      #expect(all.total == 4 && all.oldestDueAt == overdue)
      let since = WireTime.string(notes.clock.now)
      #expect(try await counts("?since=\(since)").total == 0)
    }
  }

  @Test("a draft's variables may be left out and are no null", arguments: [Engine.available[0]])
  func nullVariables(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let path = "/api/v1/notification-templates/my.draft/draft"
      let texts = #"[{"locale":"en","subject":"x","text":"x"}]"#
      let null = try await notes.send(
        NotificationAPI.saveDraft, path, raw: #"{"default_locale":"en","variables":null,"texts":\#(texts)}"#,
        token: notes.administrator)
      #expect(null.status == 422 && null.fields == ["variables"])
      let without = try await notes.send(
        NotificationAPI.saveDraft, path, raw: #"{"default_locale":"en","texts":\#(texts)}"#, token: notes.administrator)
      #expect(without.status == 200)
    }
  }

  @Test("a request whose body may be missing is declared like that, and a body that is needed is asked for")
  func bodies() async throws {
    try await NotificationFixture.run(on: Engine.available[0]) { notes in
      let document = try OpenAPI(title: "notification", version: "1", endpoints: NotificationAPI.endpoints).encoded()
      let paths = try #require(
        (JSONSerialization.jsonObject(with: document) as? [String: Any])?["paths"] as? [String: Any])
      for (path, isRequired) in [
        ("/api/v1/notification-templates/{name}/preview", false), ("/api/v1/notifications/dead-letters/retry", false),
        ("/api/v1/notifications", true), ("/api/v1/notification-templates/{name}/rollback", true),
      ] {
        let operation = ((paths[path] as? [String: Any])?["post"] as? [String: Any])?["requestBody"] as? [String: Any]
        #expect(operation?["required"] as? Bool == isRequired, "\(path)")
      }
      let empty = ["Content-Length": "0"]
      let retried = try await notes.send(
        NotificationAPI.retryDeadLetters, raw: nil, token: notes.administrator, headers: empty)
      #expect(retried.status == 202)
      let preview = try await notes.send(
        NotificationAPI.previewTemplate, "/api/v1/notification-templates/welcome/preview", raw: nil,
        token: notes.administrator, headers: empty)
      #expect(preview.status == 200)
      let made = try await notes.send(
        NotificationAPI.createNotification, raw: nil, token: notes.administrator,
        headers: empty.merging(["Idempotency-Key": "k"]) { $1 })
      #expect(made.status == 422 && made.fields == ["template"])
      let rolled = try await notes.send(
        NotificationAPI.rollbackTemplate, "/api/v1/notification-templates/welcome/rollback", raw: nil,
        token: notes.administrator, headers: empty)
      #expect(rolled.status == 422 && rolled.fields == ["version"])
    }
  }
}
