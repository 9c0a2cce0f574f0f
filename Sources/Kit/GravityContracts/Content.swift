public import Foundation

/// A reply that is not JSON: a table as CSV, a document. Its media type is the endpoint's `produces`.
public struct Content: Codable, Sendable, Hashable {
  public var bytes: Data
  /// What a browser is to save it as; nil shows it.
  public var fileName: String?

  /// - Parameter fileName: letters, digits, `.`, `-` and `_`.
  public init(_ bytes: Data, fileName: String? = nil) {
    self.bytes = bytes
    self.fileName = fileName
  }
}

/// A reply that goes on: server-sent events (HTML Living Standard §9.2), until either side ends it.
public struct EventStream: Codable, Sendable, Hashable {
  public static let mediaType = "text/event-stream"
  public init() {}
}

/// One event of an ``EventStream``.
public struct ServerSentEvent: Sendable, Hashable {
  /// The event's type; nil is `message`. No line breaks.
  public var name: String?
  /// What the client sends as `Last-Event-ID` when it comes back. No line breaks, no NUL.
  public var id: String?
  public var data: String

  public init(_ name: String? = nil, id: String? = nil, data: String) {
    self.name = name
    self.id = id
    self.data = data
  }

  /// A comment, which clients ignore: it keeps the connection from looking dead.
  public static let heartbeat = ": \n\n"

  /// As it travels.
  public var encoded: String {
    var text = ""
    if let name { text += "event: \(Self.line(name))\n" }
    if let id { text += "id: \(Self.line(id))\n" }
    for part in data.replacing("\r\n", with: "\n").split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    {
      text += "data: \(part)\n"
    }
    return text + "\n"
  }

  /// A line break in a field would begin another.
  private static func line(_ text: String) -> String { text.filter { !$0.isNewline && $0 != "\0" } }
}
