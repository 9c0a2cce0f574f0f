import Foundation
import GravityContracts
import NotificationAPI
import Testbed
import Testing
@testable import NotificationServer

@Suite struct TextMessageTests {
  private static func length(_ text: String) -> String {
    let length = TextMessage.length(text)
    return "\(length.encoding.rawValue) \(length.units) \(length.segments)"
  }

  @Test("the default alphabet has 160 characters in one message and 153 in each of several")
  func septets() {
    #expect(Self.length(String(repeating: "a", count: 160)) == "gsm7 160 1")
    #expect(Self.length(String(repeating: "ß", count: 161)) == "gsm7 161 2")
    #expect(Self.length(String(repeating: "a", count: 306)) == "gsm7 306 2")
    #expect(Self.length(String(repeating: "a", count: 307)) == "gsm7 307 3")
    #expect(Self.length("Grüße an Ærø: 5 € {x}\n") == "gsm7 25 1", "what is in the extension table counts twice")
    #expect(Self.length(String(repeating: "€", count: 80)) == "gsm7 160 1")
    // 153 is odd: the 77th would be cut in two, and goes into the next one.
    #expect(Self.length(String(repeating: "€", count: 153)) == "gsm7 306 3")
  }

  @Test("one character beyond it makes all of them UTF-16: 70 in one message and 67 in each of several")
  func units() {
    #expect(Self.length("Привет") == "ucs2 6 1")
    #expect(Self.length(String(repeating: "ж", count: 70)) == "ucs2 70 1")
    #expect(Self.length(String(repeating: "ж", count: 71)) == "ucs2 71 2")
    #expect(Self.length(String(repeating: "a", count: 70) + "ç") == "ucs2 71 2")
    #expect(Self.length(String(repeating: "😀", count: 35)) == "ucs2 70 1")
    // No pair is cut: 33 in each.
    #expect(Self.length(String(repeating: "😀", count: 67)) == "ucs2 134 3")
  }

  @Test("a preview tells how long a text message is; one that is too long is not published")
  func preview() async throws {
    try await NotificationFixture.run(on: Engine.available[0]) { notes in
      try await notes.publishNote()
      let path = "/api/v1/notification-templates/my.note"
      let sms = try await notes.send(
        NotificationAPI.previewTemplate, "\(path)/preview", ["channel": "sms", "data": ["n": 3]]
      ).value
      #expect(sms.text == "Note 3 of Gravity" && sms.subject.isEmpty && sms.html == nil)
      #expect(sms.length == TextMessageLength(encoding: .gsm7, units: 17, segments: 1))
      let push = try await notes.send(
        NotificationAPI.previewTemplate, "\(path)/preview", ["channel": "push", "data": ["n": 3]]
      ).value
      #expect(push.subject == "Note 3" && push.text == "The 3. note." && push.link == "/notes/3")
      let long = [
        "default_locale": "en",
        "texts": [["locale": "en", "subject": "x", "text": "x", "sms": String(repeating: "a", count: 1_531)]],
      ]
      let name = "/api/v1/notification-templates/too.long"
      _ = try await notes.send(NotificationAPI.saveDraft, "\(name)/draft", long)
      let published = try await notes.send(NotificationAPI.publishTemplate, "\(name)/publish")
      #expect(published.status == 422 && published.fields == ["texts.en.sms"])
    }
  }

  @Test(
    "words for a channel are in every locale or in none, and a secret is in no push message and no inbox")
  func complete() throws {
    func fields(_ content: TemplateContent) -> [String] {
      do { _ = try CompiledTemplate("x", version: 1, content) } catch let problem as Problem {
        return problem.errors?.map { "\($0.field) \($0.code)" } ?? []
      } catch { Issue.record(error) }
      return []
    }
    let note = TemplateNote(title: "{{code}}", body: "x", link: "//evil.example")
    #expect(
      fields(
        TemplateContent(
          defaultLocale: "en", variables: [TemplateVariable("code", .secret)],
          texts: [
            TemplateText(locale: "en", subject: "x", text: "x", sms: "Your code: {{code}}", push: note),
            TemplateText(locale: "de", subject: "x", text: "x"),
          ])) == ["texts.0.push.title secret", "texts.1.sms required", "texts.1.push required"])
    for (link, isGood) in [
      ("/orders/7", true), ("https://shop.example/x", true), ("//evil.example", false), ("/\\evil.example", false),
      ("javascript:alert(1)", false), ("orders/7", false),
    ] { #expect(MessageBounds.isLink(link) == isGood, "\(link)") }
  }
}
