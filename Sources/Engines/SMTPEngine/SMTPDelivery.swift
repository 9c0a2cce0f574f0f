import NIOCore
import NotificationServer

/// One mail over one connection (RFC 5321 §3.3).
struct SMTPDelivery: Sendable {
  let connection: SMTPConnection
  let times: SMTPTransport.Times
  /// When all must be over, whatever the single times say.
  let deadline: NIODeadline

  struct Result: Sendable {
    var outcome: SendOutcome
    /// Whether the next mail can go over the same connection.
    var isUsable = true
  }

  func send(_ mail: Mail) async -> Result {
    let data = MailData(mail.bytes)
    if let reason = refusal(of: mail, data) { return Result(outcome: .bounced(reason)) }
    connection.countMail()
    do {
      if let result = try await sendEnvelope(mail, data) { return result }
      let reply = try await connection.ask("DATA", within: time(times.reply))
      guard reply.code == 354 else { return await stop(reply, after: "DATA") }
      // From here to the reply, nobody knows whether the server has it: the same Message-ID tells a second copy.
      let end: SMTPReply
      do {
        end = try await connection.ask(data.buffer, replies: 1, within: time(times.data)).last ?? reply
      } catch {
        let words = "not known whether the server has taken the mail: \(error.message)"
        return Result(outcome: .failed(words), isUsable: false)
      }
      guard end.isPositive else { return await stop(end, after: "the mail") }
      return Result(outcome: .sent)
    } catch {
      return Result(outcome: .failed(error.message), isUsable: false)
    }
  }

  /// - Returns: nil when the server wants the mail.
  private func sendEnvelope(_ mail: Mail, _ data: MailData) async throws(SMTPError) -> Result? {
    let commands = [sender(mail, data), "RCPT TO:<\(mail.recipient)>"]
    guard connection.capabilities.pipelining else {
      for command in commands {
        let reply = try await connection.ask(command, within: time(times.reply))
        guard reply.isPositive else { return await stop(reply, after: String(command.prefix(4))) }
      }
      return nil
    }
    let bytes = ByteBuffer(string: commands.map { "\($0)\r\n" }.joined())
    let replies = try await connection.ask(bytes, replies: commands.count, within: time(times.reply))
    for (command, reply) in zip(commands, replies) where !reply.isPositive {
      return await stop(reply, after: String(command.prefix(4)))
    }
    return nil
  }

  private func sender(_ mail: Mail, _ data: MailData) -> String {
    let offers = connection.capabilities
    var command = "MAIL FROM:<\(mail.sender)>"
    if offers.takesSize { command += " SIZE=\(mail.bytes.count)" }
    if data.hasEightBit, offers.eightBit { command += " BODY=8BITMIME" }
    if needsUTF8(mail, data) { command += " SMTPUTF8" }
    return command
  }

  private func needsUTF8(_ mail: Mail, _ data: MailData) -> Bool {
    data.hasUTF8Header || (mail.sender + mail.recipient).utf8.contains { $0 >= 0x80 }
  }

  /// Why it need not be tried.
  private func refusal(of mail: Mail, _ data: MailData) -> String? {
    for path in [mail.sender, mail.recipient]
    where path.isEmpty
      || path.unicodeScalars.contains(where: { $0.value <= 0x20 || "<>\u{7F}".unicodeScalars.contains($0) })
    {
      return "an address of the envelope has characters that cannot be there"
    }
    let offers = connection.capabilities
    if let greatest = offers.greatestSize, mail.bytes.count > greatest {
      return "the mail has \(mail.bytes.count) bytes, and the server takes at most \(greatest)"
    }
    if data.hasLongLine { return "the mail has a line of more than \(MailData.longestLine) bytes" }
    if needsUTF8(mail, data), !offers.utf8 {
      return "the server does not take addresses with letters beyond ASCII (SMTPUTF8)"
    }
    if data.hasEightBit, !offers.eightBit, !offers.utf8 { return "the server takes no 8-bit mail (8BITMIME)" }
    return nil
  }

  // MARK: What a refusal means

  private func stop(_ reply: SMTPReply, after command: String) async -> Result {
    let outcome = Self.outcome(reply, after: command)
    // 421: the server closes (RFC 5321 §3.8). What is no refusal at all makes no sense here.
    guard reply.code != 421, reply.isTransient || reply.isPermanent else {
      return Result(outcome: outcome, isUsable: false)
    }
    let reset = try? await connection.ask("RSET", within: time(times.reply))
    return Result(outcome: outcome, isUsable: reset?.isPositive == true)
  }

  static func outcome(_ reply: SMTPReply, after command: String) -> SendOutcome {
    let words = "\(reply) (after \(command))"
    guard reply.isPermanent, !isAboutUs(reply) else { return .failed(words) }
    return command == "RCPT" && isNoMailbox(reply) ? .noMailbox(words) : .bounced(words)
  }

  /// There is no such mailbox or domain, or it is closed: X.1.1, X.1.2, X.1.3, X.1.6 and X.2.1 (RFC 3463 §3.2, §3.3),
  /// X.1.10 (RFC 7505 §4.2). The others of X.1 say nothing for sure, or are about the sender.
  ///
  /// A bare 550 may be a refusal for policy, of every mail for an hour. Whoever is written to no more because of it would
  /// not be able to set a new password, so it has to be said in so many words.
  private static func isNoMailbox(_ reply: SMTPReply) -> Bool {
    guard let status = reply.status else { return false }
    return (status.subject == 1 && [1, 2, 3, 6, 10].contains(status.detail))
      || status == EnhancedStatus(subject: 2, detail: 1)
  }

  /// Commands that the server does not know or does not take in this order, and a login that it wants: an operator can
  /// mend that, so the mail is no recipient's refusal and ends, if it must, as a dead letter.
  private static func isAboutUs(_ reply: SMTPReply) -> Bool {
    [500, 501, 502, 503, 504, 530, 534, 535, 538].contains(reply.code) && reply.status?.subject != 1
  }

  private func time(_ wanted: TimeAmount) -> TimeAmount {
    max(.milliseconds(1), min(wanted, deadline - .now()))
  }
}
