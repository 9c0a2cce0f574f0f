import Foundation
import NIOCore
import NIOPosix
import NotificationServer
import TestServers
import Testing
@testable import SMTPEngine

/// Against aiosmtpd.
@Suite(
  .timeLimit(.minutes(5)),
  .enabled(if: PythonMailServer.python != nil, "GRAVITY_TEST_PYTHON is not set: a Python with aiosmtpd"))
struct MailServerTests {
  @Test("a mail arrives as it was written, dots at a line's beginning too, over STARTTLS with a password")
  func arrives() async throws {
    for mode in ["starttls-auth", "starttls-auth-login"] {
      try await PythonMailServer.run(mode) { server in
        let mail = PythonMailServer.mail(to: "ada@example.org")
        let url = "smtp://ada:s3cret%2Fword@localhost:\(server.port)?cacert=\(server.authorities)"
        #expect(try await server.send([mail], url) == [.sent])
        let taken = try #require(try server.taken.first)
        #expect(taken.tls && taken.user == "ada" && taken.to == ["ada@example.org"] && taken.from == "shop@example.com")
        #expect(taken.content == String(decoding: mail.bytes, as: UTF8.self) + "\r\n")
        #expect(taken.options.contains("SIZE=\(mail.bytes.count)"))
      }
    }
  }

  @Test("smtps is TLS from the first byte on")
  func implicit() async throws {
    try await PythonMailServer.run("smtps-auth") { server in
      let url = "smtps://ada:s3cret%2Fword@localhost:\(server.port)?cacert=\(server.authorities)"
      #expect(try await server.send([PythonMailServer.mail(to: "ada@example.org")], url) == [.sent])
      #expect(try server.taken.first?.tls == true)
      let examination = try await SMTPServer.examine(url: url, group: MultiThreadedEventLoopGroup.singleton)
      #expect(examination.isEncrypted && examination.isLoggedIn)
    }
  }

  @Test("451 is tried again, 550 and 554 are bounces, 421 ends the connection and is tried again; others go their way")
  func replies() async throws {
    try await PythonMailServer.run("plain") { server in
      let names = ["one", "busy", "two", "gone", "three", "closing", "four", "refused", "five"]
      let mails = names.map { PythonMailServer.mail(to: "\($0)@example.org") }
      let outcomes = try await server.send(mails, "smtp://127.0.0.1:\(server.port)?tls=none")
      #expect(
        outcomes == [
          .sent, .failed("451 4.3.2 try again later (after RCPT)"), .sent,
          .noMailbox("550 5.1.1 no such mailbox (after RCPT)"), .sent,
          .failed("421 4.3.2 shutting down (after the mail)"),
          .sent, .bounced("554 5.7.1 looks like spam (after the mail)"), .sent,
        ])
      #expect(
        Set(try server.taken.compactMap(\.to.first))
          == Set(["one", "two", "three", "four", "five"].map { $0 + "@example.org" }))
    }
  }

  @Test("a connection that breaks after the mail is a failure, and the second copy has the first one's Message-ID")
  func drop() async throws {
    try await PythonMailServer.run("plain") { server in
      let mail = PythonMailServer.mail(to: "drop@example.org")
      let transport = try server.transport("smtp://127.0.0.1:\(server.port)?tls=none")
      guard case .failed(let reason)? = await transport.send([mail]).first else {
        Issue.record("it was not tried again")
        return
      }
      #expect(reason.hasPrefix("not known whether the server has taken the mail"))
      #expect(await transport.send([mail]) == [.sent])
      let taken = try server.taken
      #expect(taken.map(\.outcome) == ["dropped", "taken"])
      #expect(taken.map(\.messageID) == ["<\(mail.messageID)>", "<\(mail.messageID)>"])
      #expect(taken[0].content == taken[1].content)
    }
  }

  @Test("a call's mails share few connections, and the next call takes one that is still there")
  func reuse() async throws {
    try await PythonMailServer.run("plain") { server in
      let transport = try server.transport("smtp://127.0.0.1:\(server.port)?tls=none")
      let mails = (0..<40).map { PythonMailServer.mail(to: "u\($0)@example.org") }
      #expect(await transport.send(mails) == Array(repeating: .sent, count: 40))
      #expect(await transport.send([PythonMailServer.mail(to: "last@example.org")]) == [.sent])
      let taken = try server.taken
      #expect(taken.count == 41)
      let first = Set(taken.prefix(40).map(\.connection))
      #expect(first.count <= 3 && first.contains(taken[40].connection))
    }
  }

  @Test("a wrong password, no STARTTLS, a certificate nobody signed and one for another host are told in plain words")
  func refusals() async throws {
    func reason(_ server: PythonMailServer, _ url: String) async throws -> String {
      guard case .failed(let reason)? = try await server.send([PythonMailServer.mail(to: "a@example.org")], url).first
      else { return "sent" }
      return reason
    }
    try await PythonMailServer.run("starttls-auth") { server in
      let (port, file) = (server.port, server.authorities)
      let wrong = try await reason(server, "smtp://ada:hunter22@localhost:\(port)?cacert=\(file)")
      #expect(wrong.contains("535") && wrong.contains("does not take user and password"))
      #expect(!wrong.contains("hunter22"))
      let unknown = try await reason(server, "smtp://localhost:\(port)")
      #expect(unknown.contains("not signed by an authority"), "\(unknown)")
      let other = try await reason(server, "smtp://127.0.0.1:\(port)?cacert=\(file)")
      #expect(other.contains("for another host"), "\(other)")
      #expect(try await reason(server, "smtps://localhost:\(port)").contains("answers without TLS"))
      let open = try await reason(server, "smtp://localhost:\(port)?tls=none")
      #expect(open.contains("530"), "a login that is missing is no bounce: \(open)")
      #expect(try server.taken.isEmpty)
    }
    try await PythonMailServer.run("plain") { server in
      #expect(try await reason(server, "smtp://localhost:\(server.port)").contains("no STARTTLS"))
      let leak = try await reason(server, "smtp://ada:hunter22@localhost:\(server.port)?tls=optional")
      #expect(leak.contains("not sent without"), "\(leak)")
      #expect(try await reason(server, "smtp://localhost:\(server.port)?tls=optional") == "sent")
    }
  }

  @Test("letters beyond ASCII in an address need a server that takes them, and too much is not even begun")
  func capabilities() async throws {
    let greek = PythonMailServer.mail(to: "δοκιμή@παράδειγμα.gr")
    try await PythonMailServer.run("plain") { server in
      let url = "smtp://127.0.0.1:\(server.port)?tls=none"
      let large = PythonMailServer.mail(to: "a@example.org", String(repeating: "x\r\n", count: 40_000))
      let outcomes = try await server.send([greek, large], url)
      #expect(outcomes[0] == .sent)
      guard case .bounced(let reason) = outcomes[1] else {
        Issue.record("\(outcomes[1])")
        return
      }
      #expect(reason.contains("takes at most 100000"))
      #expect(try server.taken.map(\.utf8) == [true])
    }
    try await PythonMailServer.run("plain-ascii") { server in
      let outcomes = try await server.send([greek], "smtp://127.0.0.1:\(server.port)?tls=none")
      #expect(outcomes == [.bounced("the server does not take addresses with letters beyond ASCII (SMTPUTF8)")])
    }
  }
}

/// Against what only pretends to be a mail server; any Python will do.
@Suite(.timeLimit(.minutes(2))) struct HostileServerTests {
  private static func reason(
    _ mode: String, _ query: String = "", _ times: SMTPTransport.Times = .init()
  ) async throws -> String {
    var reason = ""
    try await PythonMailServer.run(mode, python: "python3") { server in
      let transport = try SMTPTransport(
        url: "smtp://127.0.0.1:\(server.port)\(query)", times: times, group: MultiThreadedEventLoopGroup.singleton)
      let mails = (0..<5).map { PythonMailServer.mail(to: "u\($0)@example.org") }
      let outcomes = await transport.send(mails)
      #expect(outcomes.count == 5 && Set(outcomes).count == 1)
      if case .failed(let text)? = outcomes.first { reason = text }
    }
    return reason
  }

  @Test("what is said behind the reply to STARTTLS, before TLS begins, ends the connection")
  func injection() async throws {
    #expect(try await Self.reason("inject").contains("somebody may be in between"))
  }

  @Test("a server that says nothing, and one that is none, fail the mails in time")
  func silence() async throws {
    var times = SMTPTransport.Times()
    times.reply = .milliseconds(300)
    #expect(try await Self.reason("silent", "", times).contains("did not answer within 300 ms"))
    #expect(try await Self.reason("garbage").contains("is no mail server"))
  }

  @Test("where nobody listens, all mails of a call fail after as many tries as there are connections")
  func nobody() async throws {
    let transport = try SMTPTransport(url: "smtp://127.0.0.1:1?tls=none", group: MultiThreadedEventLoopGroup.singleton)
    let outcomes = await transport.send((0..<50).map { PythonMailServer.mail(to: "u\($0)@example.org") })
    #expect(outcomes.count == 50)
    for case .failed(let reason) in outcomes { #expect(reason == "127.0.0.1:1 cannot be reached: Connection refused") }
    #expect(outcomes.allSatisfy { if case .failed = $0 { true } else { false } })
  }
}
