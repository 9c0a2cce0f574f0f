import Foundation
import GravityContracts
import NotificationAPI
import TestServers
import Testing
@testable import NotificationServer

@Suite struct MailTests {
  private static let id = UUID(uuidString: "0192d5e8-7c1f-7abc-8def-0123456789ab")!
  private static let date = Date(timeIntervalSince1970: 1_769_851_800)

  private static func mail(
    to address: String = "ada@example.org", name: String? = "Ada", subject: String = "Hello", text: String = "text\n",
    html: String? = nil
  ) throws -> Mail {
    var configuration = NotificationConfiguration()
    configuration.senderAddress = "shop@example.com"
    configuration.senderName = "The Shop, Inc."
    let writer = try #require(MailWriter(configuration))
    return writer.mail(
      id, to: try #require(EmailAddress(address)), name: name, subject: subject, text: text, html: html, locale: "en",
      date: date)
  }

  private static func lines(_ mail: Mail) -> [String] {
    String(decoding: mail.bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("a mail is the same to the last byte when it is written again, and its id is the delivery's")
  func deterministic() throws {
    let mail = try Self.mail(html: "<p>x</p>")
    #expect(try Self.mail(html: "<p>x</p>") == mail)
    #expect(mail.messageID == "0192d5e8-7c1f-7abc-8def-0123456789ab@example.com")
    let lines = Self.lines(mail)
    #expect(lines.contains("Message-ID: <\(mail.messageID)>"))
    #expect(lines.contains("Date: Sat, 31 Jan 2026 09:30:00 +0000"))
    #expect(
      lines.contains("From: \"The Shop, Inc.\" <shop@example.com>") && lines.contains("To: Ada <ada@example.org>"))
    #expect(lines.contains("Auto-Submitted: auto-generated") && lines.contains("MIME-Version: 1.0"))
    #expect(DiskMailTransport.day(Self.id) == "2024-10-29")
  }

  @Test("dates are those of the calendar, before 1970 too")
  func dates() {
    for (seconds, text) in [
      (0, "Thu, 01 Jan 1970 00:00:00 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 +0000"),
    ] as [(TimeInterval, String)] {
      #expect(MailWriter.date(Date(timeIntervalSince1970: seconds)) == text)
    }
  }

  @Test("whatever name or subject says, there is no header more and no line too long")
  func injection() throws {
    var random = SeededGenerator(seed: 99)
    let pieces = [
      "\r", "\n", "\r\n", "Bcc: x@y.z", " ", "=?utf-8?q?x?=", "\"", "\\", "<", ">", "@", ",", "ü", "🎉", "\u{2028}",
      "\0",
      "\u{85}", String(repeating: "long", count: 40), "word", ":", "\t",
    ]
    let names = [
      "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version",
      "Content-Type", "Content-Transfer-Encoding",
    ]
    for _ in 0..<2_000 {
      func text() -> String {
        (0..<Int.random(in: 1...8, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
      }
      let mail = try Self.mail(name: text(), subject: text())
      let head = Self.lines(mail).prefix { !$0.isEmpty }
      let fields = head.filter { !$0.hasPrefix(" ") }.map { String($0.prefix { $0 != ":" }) }
      try #require(fields == names)
      let wrong = head.filter { $0.utf8.count > 78 || !$0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
      try #require(wrong == [])
    }
  }

  @Test("only what can stand in a header is an address")
  func addresses() {
    for good in ["a@b.de", "ada.lovelace+tag@example.org", "x_y-z@sub.example.co.uk", "jürgen@müller.example"] {
      #expect(EmailAddress(good)?.text == good)
    }
    for bad in [
      "", "a", "@b.de", "a@", "a@b@c.de", "a b@c.de", "a@b c.de", "a@b.de\r\nBcc: x@y.z", "a\n@b.de", "<a@b.de>",
      "a@b.de,c@d.de", "\"a\"@b.de", ".a@b.de", "a.@b.de", "a..b@c.de", "a@-b.de", "a@b..de", "a@b.de.", "a;b@c.de",
      "a@b.de\0", "a\u{2028}@b.de", String(repeating: "a", count: 65) + "@b.de", "a@[127.0.0.1]",
    ] {
      #expect(EmailAddress(bad) == nil, "\(bad.debugDescription)")
    }
  }

  private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// What another program's parser makes of a mail.
  private struct Parsed: Decodable {
    struct Part: Decodable {
      let type: String
      let charset: String
      let text: String
    }
    let subject: String
    let from: [String]
    let to: [String]
    let id: String
    let auto: String
    let date: String
    let parts: [Part]
    let defects: [String]
  }

  @Test("Python's parser reads back what was written, without a defect", .enabled(if: python != nil))
  func independentParser() async throws {
    let long = String(repeating: "eine lange Zeile mit Umlauten äöü = 3 und \t Tabs ", count: 30)
    let cases: [(name: String?, subject: String, text: String, html: String?)] = [
      ("Ada", "Hello", "text\n", nil),
      (nil, "Your order 7K3MQ is confirmed", "one\ntwo \n.\n..three\nFrom me\n", "<p>x = \"y\"</p>\n"),
      (
        "Jürgen \"der\" Müller", "Grüße 🎉 aus dem Süden, " + String(repeating: "sehr ", count: 30) + "lang", long,
        "<p>\(long)</p>\n"
      ),
      ("O'Neil, Shaquille (Mr.)", "=?utf-8?q?not_a_word?=", "é\n", nil),
      (
        String(repeating: "ж", count: 120), String(repeating: "plain words in a row ", count: 12) + "end", "\t\n \n=\n",
        nil
      ),
      ("A", String(repeating: "x", count: 300), String(repeating: "y", count: 3_000), nil),
    ]
    let folder = FileManager.default.temporaryDirectory.appending(path: "parse-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try cases.enumerated().map { index, item in
      let file = folder.appending(path: "\(index).eml").path(percentEncoded: false)
      let mail = try Self.mail(name: item.name, subject: item.subject, text: item.text, html: item.html)
      try Data(mail.bytes).write(to: URL(filePath: file))
      return file
    }
    let parsed = try await JSONDecoder().decode([Parsed].self, from: Self.run(Self.script, files))
    #expect(parsed.count == cases.count)
    for (item, mail) in zip(cases, parsed) {
      #expect(mail.defects == [], "\(item.subject)")
      #expect(mail.subject == item.subject)
      #expect(mail.from == ["The Shop, Inc.", "shop@example.com"])
      #expect(mail.to == [item.name ?? "", "ada@example.org"])
      #expect(mail.id == "<0192d5e8-7c1f-7abc-8def-0123456789ab@example.com>" && mail.auto == "auto-generated")
      #expect(mail.date == "2026-01-31T09:30:00+00:00")
      #expect(mail.parts.map(\.type) == ["text/plain"] + (item.html == nil ? [] : ["text/html"]))
      #expect(mail.parts.allSatisfy { $0.charset == "utf-8" })
      let ended = item.text.hasSuffix("\n") ? item.text : item.text + "\n"
      #expect(mail.parts.first?.text == ended)
      if let html = item.html { #expect(mail.parts.last?.text == html) }
    }
  }

  private static let script = """
    import email, json, sys
    from email import policy
    from email.header import decode_header, make_header
    def walk(m):
        found = [str(d) for d in m.defects]
        for name, value in m.items():
            found += [name + ": " + str(d) for d in value.defects]
        for part in (m.iter_parts() if m.is_multipart() else []):
            found += walk(part)
        return found
    result = []
    for name in sys.argv[1:]:
        raw = open(name, "rb").read()
        assert b"\\n" not in raw.replace(b"\\r\\n", b""), "a bare line feed"
        assert all(len(line) <= 998 for line in raw.split(b"\\r\\n"))
        m = email.message_from_bytes(raw, policy=policy.default)
        old = email.message_from_bytes(raw)
        def mailbox(field):
            address = m[field].addresses[0]
            # The newer parser leaves blanks between the encoded words of a phrase (python/cpython issue 79728).
            words = old[field].rsplit("<", 1)[0].strip()
            name = str(make_header(decode_header(words))) if "=?" in words else address.display_name
            return [name, address.addr_spec]
        parts = list(m.iter_parts()) if m.is_multipart() else [m]
        result.append({
            "subject": m["subject"], "from": mailbox("from"), "to": mailbox("to"), "id": m["message-id"],
            "auto": m["auto-submitted"], "date": m["date"].datetime.isoformat(), "defects": walk(m),
            "parts": [{"type": p.get_content_type(), "charset": p.get_content_charset(),
                       "text": p.get_content().replace("\\r\\n", "\\n")} for p in parts]})
    print(json.dumps(result))
    """

  private static func run(_ script: String, _ arguments: [String]) async throws -> Data {
    let outcome = try await Program.run([try #require(python), "-c", script] + arguments)
    #expect(outcome.end == .exited(0), "\(outcome.errors)")
    return Data(outcome.output.utf8)
  }
}
