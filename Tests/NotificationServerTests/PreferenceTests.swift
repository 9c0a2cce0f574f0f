import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NotificationAPI
import OrderAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

@Suite struct PreferenceTests {
  private static func headers(_ mail: Mail) -> [String: String] {
    let text = String(decoding: mail.bytes, as: UTF8.self)
    let head = text.prefix(upTo: text.range(of: "\r\n\r\n")?.lowerBound ?? text.endIndex)
    return Dictionary(
      head.split(separator: "\r\n").compactMap { line in
        line.range(of: ": ").map { (String(line[..<$0.lowerBound]), String(line[$0.upperBound...])) }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The path of a mail's link.
  private static func link(_ mail: Mail) throws -> String {
    let field = try #require(headers(mail)["List-Unsubscribe"])
    return try #require(
      field.wholeMatch(of: /<https:\/\/shop\.example(\/api\/v1\/notification-unsubscriptions\/[^>]+)>/)
    )
    .1.description
  }

  private static func page(
    _ notes: NotificationFixture, _ method: HTTPRequest.Method, _ path: String,
    type: String = "application/x-www-form-urlencoded", body: String = "List-Unsubscribe=One-Click",
    language: String = "en"
  ) async throws -> (status: Int, text: String, type: String?) {
    let response = try await notes.client.execute(
      uri: path, method: method, headers: [.contentType: type, .acceptLanguage: language],
      body: method == .post ? ByteBuffer(string: body) : nil)
    return (response.status.code, String(buffer: response.body), response.headers[.contentType])
  }

  private static func state(_ notes: NotificationFixture, _ id: UUID) async throws -> String {
    let delivery = try #require(try await notes.find(id).deliveries.first)
    return "\(delivery.state.rawValue) \(delivery.reason ?? "")"
  }

  private static func ask(_ notes: NotificationFixture, _ fields: [String: Any]) async throws -> UUID {
    let made = try await notes.notify(fields)
    #expect(made.status == 202)
    return try made.value.id
  }

  @Test("categories are the user service's, each template has one, and auth's are critical")
  func categories() throws {
    #expect(MessageCategory.allCases.map(\.rawValue) == NotificationCategory.allCases.map(\.rawValue))
    for (name, template) in try BuiltInTemplates.compiled() {
      #expect(BuiltInTemplates.category(name) == template.category)
      let isAboutSecurity =
        name.hasPrefix("auth.")
        || [
          "password.changed", "sign_in.suspicious", "account.deletion_requested", "account.deletion_cancelled",
          "export.ready",
        ].contains(name)
      #expect(template.isCritical == isAboutSecurity)
    }
  }

  @Test("what somebody switched off is not sent, but for what is critical", arguments: Engine.available)
  func preferences(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      let off = Dictionary(uniqueKeysWithValues: NotificationCategory.allCases.map { ($0, false) })
      notes.recipients.prefer(NotificationPreferences(choices: [.email: off]), of: user)
      let welcome = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      let warning = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, welcome) == "suppressed opted_out")
      #expect(try await Self.state(notes, warning) == "sent ")
      #expect(try await notes.told(of: welcome) == ["queued", "suppressed"])
    }
  }

  @Test(
    "while nobody can say what somebody wants, what is critical goes and the rest waits", arguments: Engine.available)
  func unknown(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      notes.recipients.prefer(nil, of: user)
      let welcome = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      let warning = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, welcome) == "queued ")
      #expect(try await Self.state(notes, warning) == "sent ")
      notes.recipients.prefer(NotificationPreferences(), of: user)
      notes.clock.advance(60)
      try await notes.deliver()
      #expect(try await Self.state(notes, welcome) == "sent ")
    }
  }

  @Test(
    "a mail that is not critical has a link of one click; looking changes nothing, a POST does",
    arguments: Engine.available)
  func oneClick(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      _ = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      _ = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      try await notes.deliver()
      let (critical, mail) = (notes.mail.mails[0], notes.mail.mails[1])
      #expect(Self.headers(critical)["List-Unsubscribe"] == nil)
      #expect(Self.headers(mail)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click")
      let link = try Self.link(mail)
      #expect(!link.contains("ada") && mail.bytes.count > 0)
      let looked = try await Self.page(notes, .get, link)
      #expect(
        looked.status == 200 && looked.text.contains("<form method=\"post\">")
          && looked.type == "text/html; charset=utf-8")
      #expect(try await Self.page(notes, .get, link, language: "de-DE,de;q=0.9").text.contains("Abbestellen"))
      let second = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, second) == "sent ")
      // As Gmail sends it, and as RFC 8058 §3.1 would rather have it; twice is as good as once.
      #expect(try await Self.page(notes, .post, link).status == 200)
      let form = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
      #expect(
        try await Self.page(notes, .post, link, type: "multipart/form-data; boundary=x", body: form).status == 200)
      let third = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      let warning = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      let order = notes.orders.add(of: user)
      try await notes.confirmed(order, of: user)
      try await notes.deliver()
      #expect(try await Self.state(notes, third) == "suppressed opted_out")
      #expect(try await Self.state(notes, warning) == "sent ")
      #expect(try await notes.outbox("about=\(order.lowercased)").count == 1, "another category")
    }
  }

  @Test(
    "the user service is told, and has the say from then on; until it knows, the link holds",
    arguments: Engine.available)
  func handedOver(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      _ = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.page(notes, .post, Self.link(notes.mail.mails[0])).status == 200)
      let (core, recipients) = (notes.service.core, notes.recipients)
      let wish = OptOut(userID: user, category: .account)
      recipients.setAway(true)
      await #expect(throws: Away.self) { try await Unsubscriptions.handOver(wish, core, recipients) }
      #expect(try await notes.count("opt_outs") == 1)
      recipients.setAway(false)
      try await Unsubscriptions.handOver(wish, core, recipients)
      #expect(try await notes.count("opt_outs") == 0 && recipients.off(user) == ["email account"])
      let again = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, again) == "suppressed opted_out")
      // Whom it has switched on again is told again.
      recipients.prefer(NotificationPreferences(), of: user)
      let wanted = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, wanted) == "sent ")
    }
  }

  @Test("an address without an account unsubscribes for good, however it is written", arguments: Engine.available)
  func addresses(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      _ = try await Self.ask(notes, ["template": "welcome", "address": "bob@example.org"])
      try await notes.deliver()
      #expect(try await Self.page(notes, .post, Self.link(notes.mail.mails[0])).status == 200)
      let same = try await Self.ask(notes, ["template": "welcome", "address": "Bob@Example.org"])
      let other = try await Self.ask(notes, ["template": "welcome", "address": "eve@example.org"])
      try await notes.deliver()
      #expect(try await Self.state(notes, same) == "suppressed opted_out")
      #expect(try await Self.state(notes, other) == "sent ")
      let kept = try await notes.database.rows("SELECT reader FROM opt_outs").map { try $0.get(0, as: String.self) }
      #expect(kept.count == 1 && !kept[0].contains("@"))
    }
  }

  @Test("a link that is forged or too old does nothing", arguments: [Engine.available[0]])
  func forged(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let links = UnsubscribeLinks(masterKey: NotificationFixture.key, base: "https://shop.example/")
      let claim = UnsubscribeLinks.Claim(
        reader: .user(UUID.v7()), category: .account, expiresAt: notes.clock.now + 10)
      let token = links.token(claim)
      #expect(links.claim(token, now: notes.clock.now)?.reader == claim.reader)
      let others = UnsubscribeLinks(masterKey: MasterKey(), base: nil).token(claim)
      #expect(UnsubscribeLinks(masterKey: MasterKey(), base: nil).url(for: claim.reader, .account, date: Date()) == nil)
      let body = Data("account 99999999999 \(claim.reader.text)".utf8).base64URLEncodedString()
      let wrong = [others, String(token.dropLast()), "x", "\(body).\(token.split(separator: ".")[1])"]
      for token in wrong {
        let path = "/api/v1/notification-unsubscriptions/\(token)"
        #expect(try await Self.page(notes, .get, path).status == 404)
        #expect(try await Self.page(notes, .post, path).status == 404)
      }
      notes.clock.advance(10)
      #expect(try await Self.page(notes, .post, "/api/v1/notification-unsubscriptions/\(token)").status == 404)
      let kept = try await notes.count("opt_outs")
      #expect(kept == 0)
    }
  }

  @Test(
    "who complained is still told what is critical; a mailbox that does not exist is told nothing",
    arguments: Engine.available)
  func suppressions(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let user = notes.recipients.add("ada@example.org")
      for reason in ["complaint", "request"] {
        _ = try await notes.send(
          NotificationAPI.addSuppression, nil, ["address": "ada@example.org", "reason": reason])
        let warning = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
        let welcome = try await Self.ask(notes, ["template": "welcome", "user_id": user.lowercased])
        try await notes.deliver()
        #expect(try await Self.state(notes, warning) == "sent ")
        #expect(try await Self.state(notes, welcome) == "suppressed address_suppressed")
        _ = try await notes.send(NotificationAPI.removeSuppression, "/api/v1/notification-suppressions/ada@example.org")
      }
      notes.mail.answer { _ in .noMailbox("550 5.1.1") }
      _ = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      try await notes.deliver()
      notes.mail.answer { _ in .sent }
      let warning = try await Self.ask(notes, ["template": "password.changed", "user_id": user.lowercased])
      try await notes.deliver()
      #expect(try await Self.state(notes, warning) == "suppressed address_suppressed")
    }
  }
}
