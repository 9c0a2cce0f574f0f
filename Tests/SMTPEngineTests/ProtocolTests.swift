import NIOCore
import NotificationServer
import Testing
@testable import SMTPEngine

@Suite struct ProtocolTests {
  @Test("replies are the same however their bytes are cut")
  func replies() throws {
    let text = "250-mx.example greets\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n550 5.1.1 gone\n354\r\n"
    let whole = [
      SMTPReply(code: 250, lines: ["mx.example greets", "SIZE 1000", "AUTH PLAIN LOGIN"]),
      SMTPReply(code: 550, lines: ["5.1.1 gone"]), SMTPReply(code: 354, lines: [""]),
    ]
    for size in 1...20 {
      var (parser, replies) = (SMTPReplyParser(), [SMTPReply]())
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        replies += try parser.feed(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(replies == whole && parser.isEmpty)
    }
    #expect(whole[1].status == EnhancedStatus(subject: 1, detail: 1) && whole[0].status == nil)
    #expect(SMTPReply(code: 450, lines: ["5.1.1 of another class"]).status == nil)
    #expect(SMTPCapabilities(whole[0]).mechanisms == ["PLAIN", "LOGIN"])
    #expect(SMTPCapabilities(whole[0]).greatestSize == 1_000)
  }

  @Test(
    "what is no reply, or without end, is refused",
    arguments: [
      "HTTP/1.1 400\r\n", "25\r\n", "250_x\r\n", "199 x\r\n", "600 x\r\n", "250-a\r\n251 b\r\n",
      String(repeating: "2", count: 5_000), String(repeating: "250-x\r\n", count: 201),
    ])
  func faults(_ text: String) {
    var parser = SMTPReplyParser()
    #expect(throws: SMTPError.self) { try parser.feed(text.utf8) }
  }

  @Test(
    "a mail's data have no lone CR or LF, doubled dots, and one end",
    arguments: [
      ("", ".\r\n"), ("a", "a\r\n.\r\n"), (".\r\n", "..\r\n.\r\n"), ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
      ("a\r.\r\n", "a\r\n..\r\n.\r\n"), ("a\r\n.\r\rb", "a\r\n..\r\n\r\nb\r\n.\r\n"), ("\n.", "\r\n..\r\n.\r\n"),
      ("a..b\r\n", "a..b\r\n.\r\n"),
    ])
  func data(_ text: String, _ wire: String) {
    #expect(String(buffer: MailData(Array(text.utf8)).buffer) == wire)
  }

  @Test("lines that are too long and bytes beyond ASCII are noticed, in the header and in the text")
  func notices() {
    #expect(!MailData(Array(String(repeating: "x", count: 998).utf8)).hasLongLine)
    #expect(MailData(Array(String(repeating: "x", count: 999).utf8)).hasLongLine)
    let body = MailData(Array("Subject: x\r\n\r\nü".utf8))
    #expect(body.hasEightBit && !body.hasUTF8Header)
    #expect(MailData(Array("Subject: ü\r\n\r\nx".utf8)).hasUTF8Header)
  }

  @Test("a reply 5xx to a mail is a bounce; one about our commands or our login, and every 4xx, is tried again")
  func meaning() {
    for (code, text, isBounce) in [
      (550, "5.1.1 gone", true), (552, "5.2.2 full", true), (554, "no", true), (553, "5.1.3 bad", true),
      (530, "5.7.0 log in", false), (535, "5.7.8 wrong", false), (503, "order", false),
      (501, "5.1.3 bad address", true),
      (501, "syntax", false), (451, "4.3.0 later", false), (421, "closing", false), (450, "5.1.1 x", false),
    ] {
      let reply = SMTPReply(code: code, lines: [text])
      let words = "\(code) \(text) (after RCPT)"
      let outcome = SMTPDelivery.outcome(reply, after: "RCPT")
      #expect([.bounced(words), .noMailbox(words)].contains(outcome) == isBounce, "\(words)")
      #expect(isBounce || outcome == .failed(words))
    }
    for (code, text, isGone) in [
      (550, "5.1.1 gone", true), (550, "5.1.2 no such host", true), (550, "5.1.10 null MX", true),
      (550, "5.2.1 closed", true), (552, "5.2.2 full", false), (550, "5.7.1 policy", false), (554, "no", false),
      // Said of every mail while the server takes us for a sender of spam.
      (550, "no such user", false), (551, "not here", false), (553, "no", false),
      (550, "5.1.0 no", false), (550, "5.1.8 the sender's domain is unknown", false),
    ] {
      let reply = SMTPReply(code: code, lines: [text])
      let words = "\(code) \(text) (after RCPT)"
      #expect(SMTPDelivery.outcome(reply, after: "RCPT") == (isGone ? .noMailbox(words) : .bounced(words)))
      let late = SMTPDelivery.outcome(reply, after: "the mail")
      #expect(late == .bounced("\(code) \(text) (after the mail)"), "only a refusal of the recipient is about them")
    }
  }

  @Test("a URL says where, as whom, and how it is encrypted")
  func addresses() throws {
    let full = try SMTPAddress("smtp://a%40b:p%2Fw@mx.example:2525?tls=optional&cacert=/x.pem")
    #expect(full.host == "mx.example" && full.port == 2525 && full.user == "a@b" && full.password == "p/w")
    #expect(full.encryption == .optional && full.authorities == "/x.pem")
    #expect(try SMTPAddress("smtp://h").port == 587 && SMTPAddress("smtp://h").encryption == .required)
    #expect(try SMTPAddress("smtps://[::1]/").host == "::1" && SMTPAddress("smtps://h").port == 465)
  }

  @Test(
    "a URL that cannot be used is refused without its password",
    arguments: [
      "smtp://u:hunter2@h?tls=none", "smtp://u@h", "smtp://:hunter2@h", "http://u:hunter2@h", "smtp://u:hunter2@h/x",
      "smtp://u:hunter2@h?tls=maybe", "smtps://u:hunter2@h?tls=none", "smtp://u:hunter2@h?x=1", "smtp://u:hunter2@",
      "smtp://u:hunter2@h:0", "smtp://u:hun#ter2@h", "smtp://h?cacert=", "smtp://h?tls=none&cacert=/x", "",
    ])
  func wrong(_ url: String) {
    let error = #expect(throws: SMTPError.self) { try SMTPAddress(url) }
    #expect(error?.step == .configure && error?.message.contains("hunter2") == false)
  }
}
