import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import Testbed
import Testing
@testable import NotificationServer

@Suite struct TemplateBookTests {
  private static let path = "/api/v1/notification-templates"

  private static func draft(
    _ notes: NotificationFixture, _ name: String, _ texts: [[String: Any]], variables: [[String: Any]]? = nil,
    headers: [String: String] = [:]
  ) async throws -> Reply<MessageTemplate> {
    var fields: [String: Any] = ["default_locale": "en", "texts": texts]
    fields["variables"] = variables
    return try await notes.send(NotificationAPI.saveDraft, "\(path)/\(name)/draft", fields, headers: headers)
  }

  private static func publish(
    _ notes: NotificationFixture, _ name: String, note: String? = nil
  ) async throws -> Reply<MessageTemplate> {
    try await notes.send(
      NotificationAPI.publishTemplate, "\(path)/\(name)/publish", note.map { ["note": $0] } ?? [:])
  }

  private static func text(_ locale: String, _ subject: String, _ text: String = "text") -> [String: Any] {
    ["locale": locale, "subject": subject, "text": text]
  }

  @Test("a built-in template is changed by versions, and goes back", arguments: Engine.available)
  func versions(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org", locale: "de")
      func subject() async throws -> String? {
        let key = UUID().uuidString
        #expect(try await notes.notify(["template": "welcome", "user_id": user.lowercased], key: key).status == 202)
        try await notes.deliver()
        return try await notes.outbox().first?.subject
      }
      #expect(try await subject() == "Willkommen bei Gravity")
      let texts = [Self.text("en", "Hi {{recipient.email}}"), Self.text("de", "Hallo!")]
      let saved = try await Self.draft(notes, "welcome", texts)
      #expect(saved.status == 200 && saved.etag == "\"v1\"")
      #expect(try saved.value.publishedVersion == 0 && saved.value.draft?.texts.count == 2)
      #expect(try await subject() == "Willkommen bei Gravity", "a draft changes nothing")
      let preview = try await notes.send(
        NotificationAPI.previewTemplate, "\(Self.path)/welcome/preview", ["locale": "en"])
      #expect(try preview.value.subject == "Hi ada@example.com")
      let published = try await Self.publish(notes, "welcome", note: "shorter")
      #expect(try published.value.publishedVersion == 1 && published.value.draft == nil)
      #expect(try await subject() == "Hallo!")
      #expect(try await Self.publish(notes, "welcome").code == "no_draft")

      _ = try await Self.draft(notes, "welcome", [Self.text("en", "2"), Self.text("de", "zwei")])
      #expect(try await Self.publish(notes, "welcome").value.publishedVersion == 2)
      #expect(try await subject() == "zwei")
      let list = try await notes.send(
        NotificationAPI.templateVersions, "\(Self.path)/welcome/versions?limit=2")
      #expect(try list.value.items.map(\.version) == [2, 1] && list.value.items.map(\.published) == [true, false])
      let cursor = try #require(try list.value.nextCursor)
      let rest = try await notes.send(
        NotificationAPI.templateVersions, "\(Self.path)/welcome/versions?limit=2&cursor=\(cursor)")
      #expect(try rest.value.items.map(\.version) == [0] && rest.value.nextCursor == nil)
      let old = try await notes.send(NotificationAPI.templateVersion, "\(Self.path)/welcome/versions/1").value
      #expect(old.note == "shorter" && old.content?.texts.count == 2 && old.createdBy != nil)

      for (version, expected) in [(1, "Hallo!"), (0, "Willkommen bei Gravity"), (2, "zwei")] {
        let back = try await notes.send(
          NotificationAPI.rollbackTemplate, "\(Self.path)/welcome/rollback", ["version": version])
        #expect(try back.value.publishedVersion == Int64(version))
        #expect(try await subject() == expected)
      }
      let unknown = try await notes.send(
        NotificationAPI.rollbackTemplate, "\(Self.path)/welcome/rollback", ["version": 9])
      #expect(unknown.status == 422 && unknown.fields == ["version"])
      let builtIn = try await notes.send(NotificationAPI.deleteTemplate, "\(Self.path)/welcome")
      #expect(builtIn.status == 409 && builtIn.code == "built_in")
    }
  }

  @Test("what would fail when it is sent fails when it is published, all of it at once", arguments: Engine.available)
  func publishing(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let cases: [(String, [[String: Any]], [[String: Any]]?, [String])] = [
        ("order.confirmed", [Self.text("en", "{{order.nummer}}"), Self.text("de", "x")], nil, ["texts.0.subject"]),
        (
          "order.confirmed", [Self.text("en", "{{order.cancel_reason}}"), Self.text("de", "{{#if}}")], nil,
          ["texts.0.subject", "texts.1.subject"]
        ),
        ("order.confirmed", [Self.text("en", "x")], nil, ["texts"]),
        (
          "order.confirmed", [Self.text("en", "x"), Self.text("de", "x")],
          [["name": "other", "kind": "text", "required": true]], ["variables"]
        ),
        ("my.note", [Self.text("en", "a\r\nBcc: all@example.org")], nil, ["texts.0.subject"]),
        ("my.note", [Self.text("en", ""), Self.text("xx_YY", "x")], nil, ["texts.0.subject", "texts.1.locale"]),
        ("my.note", [Self.text("de", "x")], nil, ["default_locale"]),
        ("my.note", [Self.text("en", "x"), Self.text("EN", "y")], nil, ["texts.1.locale"]),
        ("my.note", [], nil, ["texts"]),
        (
          "my.note", [Self.text("en", "x").merging(["html": "<p>{{x}}</p>"]) { $1 }, Self.text("de", "x")], nil,
          ["texts.0.html", "texts.1.html"]
        ),
        (
          "my.note", [Self.text("en", "x")],
          [
            ["name": "a..b", "kind": "text", "required": true], ["name": "l[].x", "kind": "text", "required": true],
            ["name": "recipient.name", "kind": "text", "required": true],
          ], ["variables.0.name", "variables.1.name", "variables.2.name"]
        ),
      ]
      for (name, texts, variables, fields) in cases {
        #expect(
          try await Self.draft(notes, name, texts, variables: variables).status == 200, "a draft may be unfinished")
        let reply = try await Self.publish(notes, name)
        #expect(reply.status == 422 && Set(reply.fields) == Set(fields), "\(texts): \(reply.text)")
      }
      #expect(
        try await notes.send(NotificationAPI.template, "\(Self.path)/my.note").value.publishedVersion == nil)
      let user = notes.recipients.add("ada@example.org").lowercased
      #expect(try await notes.notify(["template": "my.note", "user_id": user]).fields == ["template"])
    }
  }

  @Test("a published locale cannot get lost", arguments: Engine.available)
  func lostLocale(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      _ = try await Self.draft(notes, "my.note", [Self.text("en", "a"), Self.text("pt-BR", "b")])
      #expect(try await Self.publish(notes, "my.note").value.locales == ["en", "pt-BR"])
      _ = try await Self.draft(notes, "my.note", [Self.text("en", "a")])
      let lost = try await Self.publish(notes, "my.note")
      #expect(lost.status == 422 && lost.problem?.errors?.first?.code == "locale_missing")
      let discarded = try await notes.send(NotificationAPI.discardDraft, "\(Self.path)/my.note/draft")
      #expect(try discarded.value.draft == nil && discarded.value.publishedVersion == 1)
    }
  }

  @Test("who changes what has moved on is told so", arguments: Engine.available)
  func preconditions(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let texts = [Self.text("en", "a")]
      #expect(try await Self.draft(notes, "my.note", texts, headers: ["If-Match": "\"v1\""]).status == 412)
      let first = try await Self.draft(notes, "my.note", texts)
      #expect(try await Self.draft(notes, "my.note", texts, headers: ["If-Match": first.etag]).status == 200)
      #expect(try await Self.draft(notes, "my.note", texts, headers: ["If-Match": first.etag]).status == 412)
      #expect(try await Self.draft(notes, "welcome", texts, headers: ["If-Match": "\"v0\""]).status == 200)
      #expect(try await Self.draft(notes, "Bad-Name", texts).fields == ["name"])
    }
  }

  @Test("a deleted template is gone, and its numbers never come back", arguments: Engine.available)
  func deletion(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org").lowercased
      _ = try await Self.draft(notes, "my.note", [Self.text("en", "old")])
      _ = try await Self.publish(notes, "my.note")
      let waiting = try await notes.notify(["template": "my.note", "user_id": user]).value
      #expect(try await notes.send(NotificationAPI.deleteTemplate, "\(Self.path)/my.note").status == 204)
      #expect(try await notes.send(NotificationAPI.template, "\(Self.path)/my.note").status == 404)
      #expect(try await notes.send(NotificationAPI.deleteTemplate, "\(Self.path)/my.note").status == 404)
      try await notes.deliver()
      let dead = try #require(try await notes.find(waiting.id).deliveries.first)
      #expect(dead.state == .known(.deadLettered) && dead.reason == "template_missing", "nothing is lost silently")

      _ = try await Self.draft(notes, "my.note", [Self.text("en", "new")])
      #expect(try await Self.publish(notes, "my.note").value.publishedVersion == 2)
      _ = try await notes.send(
        NotificationAPI.retryNotification, "/api/v1/notifications/\(waiting.id.lowercased)/retry")
      try await notes.deliver()
      #expect(try await notes.outbox().first?.subject == "new")
      let names = try await notes.send(NotificationAPI.templates, "\(Self.path)?limit=100").value.items.map(\.name)
      #expect(names == (BuiltInTemplates.names + ["my.note"]).sorted())
    }
  }

  @Test("a version that is no good any more holds up nobody else's mail", arguments: Engine.available)
  func unfit(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org").lowercased
      _ = try await Self.draft(notes, "my.note", [Self.text("en", "fine")])
      _ = try await Self.publish(notes, "my.note")
      for template in ["my.note", "welcome"] {
        #expect(try await notes.notify(["template": template, "user_id": user]).status == 202)
      }
      let version = try #require(
        try await notes.database.rows("SELECT content FROM template_versions").first?.get("content", as: String.self))
      try await notes.database.write { transaction in
        // As if an older program had let it through. The number is another, so that nothing is known of it yet.
        let content = version.replacing("fine", with: "{{undeclared}}")
        try transaction.execute("UPDATE template_versions SET content = \(content), version = 7")
        try transaction.execute("UPDATE templates SET published_version = 7 WHERE name = 'my.note'")
      }
      #expect(try await notes.deliver() == 2)
      #expect(try await notes.outbox().map(\.template) == ["welcome"])
      #expect(try await notes.notifications("state=dead_lettered").map(\.template) == ["my.note"])
    }
  }

  @Test("a preview writes any version with any data", arguments: Engine.available)
  func preview(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let path = "\(Self.path)/order.confirmed/preview"
      let english = try await notes.send(NotificationAPI.previewTemplate, path).value
      #expect(english.subject == "Your order 7K3MQ-2XF9A is confirmed" && english.text.contains("25.98\u{A0}USD"))
      let german = try await notes.send(NotificationAPI.previewTemplate, path, ["locale": "de-CH"]).value
      #expect(german.locale == "de" && german.html?.contains("lang=\"de\"") == true)
      let wrong = try await notes.send(NotificationAPI.previewTemplate, path, ["data": ["order": [:]]])
      #expect(wrong.status == 422 && wrong.fields.contains("data.order.number"))
      #expect(try await notes.send(NotificationAPI.previewTemplate, path, ["version": 3]).status == 422)
      #expect(try await notes.send(NotificationAPI.previewTemplate, path, ["locale": "!"]).fields == ["locale"])
      #expect(try await notes.send(NotificationAPI.previewTemplate, "\(Self.path)/none/preview").status == 404)
    }
  }
}
