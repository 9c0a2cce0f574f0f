import GravityContracts
import NotificationAPI

/// What a channel can carry. Mails are bounded by the renderer.
enum MessageBounds {
  /// Of a text message: what comes in more pieces is no message any more, and each costs.
  static let greatestSegments = 10
  /// Bytes.
  static let greatestTitle = 200
  static let greatestBody = 4 << 10
  /// Bytes: what a device is told has to fit into 4 KiB with all that is around it.
  static let greatestPush = 1_000

  /// Notes the length of a text message, too.
  /// - Throws: ``TemplateFault``.
  static func check(_ message: inout RenderedMessage, _ channel: DeliveryChannel) throws(TemplateFault) {
    switch channel {
    case .email: return
    case .sms:
      // The space that amounts are written with is in no table and would make every character cost two.
      message.text = message.text.replacing("\u{A0}", with: " ")
      let length = TextMessage.length(message.text)
      guard length.segments <= greatestSegments else {
        throw TemplateFault(
          "too_long", "it takes \(length.segments) text messages, and \(greatestSegments) is the most")
      }
      message.length = length
    case .push, .inApp:
      let greatest = channel == .push ? greatestPush : greatestBody
      guard message.subject.utf8.count <= greatestTitle, message.text.utf8.count <= greatest else {
        throw TemplateFault(
          "too_long", "a title has at most \(greatestTitle) bytes and a body \(greatest) by this channel")
      }
      if let link = message.link, !isLink(link) {
        throw TemplateFault("format", "a link is an https or http URL, or a path that begins with one /")
      }
    }
  }

  /// `//host` and `/\host` are no paths to a browser but other hosts.
  static func isLink(_ text: String) -> Bool {
    if TemplateData.isURL(text) { return true }
    guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= 2_000,
      text.utf8.allSatisfy({
        $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "<")
      })
    else { return false }
    return !text.hasPrefix("//")
  }
}
