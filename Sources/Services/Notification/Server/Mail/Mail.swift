public import Foundation
import GravityContracts

/// A mail as a transport takes it.
public struct Mail: Sendable, Hashable {
  /// The delivery's id: the same when it is sent again, as is everything that is made of it.
  public var id: UUID
  /// Without the angle brackets.
  public var messageID: String
  /// Of the envelope.
  public var sender: String
  /// Of the envelope.
  public var recipient: String
  /// RFC 5322, lines ending with CR LF.
  public var bytes: [UInt8]

  public init(id: UUID, messageID: String, sender: String, recipient: String, bytes: [UInt8]) {
    self.id = id
    self.messageID = messageID
    self.sender = sender
    self.recipient = recipient
    self.bytes = bytes
  }
}

/// Builds mails of text and HTML (RFC 5322, 2045 to 2047, 2046 §5.1.4).
struct MailWriter: Sendable {
  private let sender: EmailAddress
  private let senderName: String
  private let domain: String

  init?(_ configuration: NotificationConfiguration) {
    guard let sender = EmailAddress(configuration.senderAddress) else { return nil }
    self.sender = sender
    senderName = configuration.senderName
    domain = configuration.domain
  }

  /// - Parameter id: A delivery's. One id, one Message-ID: two copies of a mail are known for the same.
  static func messageID(_ id: UUID, domain: String) -> String { "\(id.lowercased)@\(domain)" }

  /// - Parameter date: When the delivery was made, not when it is sent, so that a mail that is sent again is the same
  ///   to the last byte.
  func mail(
    _ id: UUID, to recipient: EmailAddress, name: String?, subject: String, text: String, html: String?,
    locale: String, date: Date, unsubscribe: String? = nil
  ) -> Mail {
    let messageID = Self.messageID(id, domain: domain)
    var head = HeaderField.token("Date", Self.date(date))
    head += HeaderField.mailbox("From", display: senderName, address: sender)
    head += HeaderField.mailbox("To", display: name, address: recipient)
    head += HeaderField.text("Subject", subject)
    head += HeaderField.token("Message-ID", "<\(messageID)>")
    // RFC 3834 §5: nobody's out-of-office notice shall answer.
    head += HeaderField.token("Auto-Submitted", "auto-generated")
    head += HeaderField.token("Content-Language", locale)
    if let unsubscribe {
      head += HeaderField.token("List-Unsubscribe", "<\(unsubscribe)>")
      // RFC 8058 §3.1: a POST of these words, without a question, does it.
      head += HeaderField.token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    }
    head += HeaderField.token("MIME-Version", "1.0")
    var bytes = Array(head.utf8)
    guard let html else {
      Self.part("text/plain", text, to: &bytes)
      return Mail(id: id, messageID: messageID, sender: sender.text, recipient: recipient.text, bytes: bytes)
    }
    // `=_` cannot be in quoted-printable text (RFC 2045 §6.7).
    let boundary = "=_\(id.lowercased)"
    bytes += Array("Content-Type: multipart/alternative; boundary=\"\(boundary)\"\r\n\r\n".utf8)
    // Best last (RFC 2046 §5.1.4).
    for (type, body) in [("text/plain", text), ("text/html", html)] {
      bytes += Array("--\(boundary)\r\n".utf8)
      Self.part(type, body, to: &bytes)
      bytes += [13, 10]
    }
    bytes += Array("--\(boundary)--\r\n".utf8)
    return Mail(id: id, messageID: messageID, sender: sender.text, recipient: recipient.text, bytes: bytes)
  }

  private static func part(_ type: String, _ text: String, to bytes: inout [UInt8]) {
    bytes += Array(
      "Content-Type: \(type); charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".utf8)
    bytes += QuotedPrintable.encode(text)
  }

  /// `Thu, 01 Jan 1970 00:00:00 +0000` (RFC 5322 §3.3).
  static func date(_ date: Date) -> String {
    // `2026-01-31T09:30:00.000000Z`, by arithmetic: no formatter's locale can be in the way.
    let iso = WireTime.string(date)
    let parts = iso.split { $0 == "-" || $0 == "T" || $0 == "." }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let day = Int((date.timeIntervalSince1970 / 86_400).rounded(.down))
    return "\(days[((day % 7) + 7) % 7]), \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(parts[3]) +0000"
  }
}
