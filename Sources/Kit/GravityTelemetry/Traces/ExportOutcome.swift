import Foundation

/// What came of sending a batch, as the protocol would have it understood (OTLP 1.x, "OTLP/HTTP Response").
enum ExportOutcome: Sendable, Hashable {
  /// Taken, but for so many spans. The message may be a warning only. Not to be sent again.
  case taken(rejected: Int, message: String?)
  /// Not to be sent again.
  case refused(String)
  /// To be sent again, not before `after` if that is said.
  case later(String, after: Duration?)

  /// - Parameter wall: Seconds since 1970, for a `Retry-After` that is a date.
  init(_ reply: SpanReply, wall: Double) {
    switch reply.status {
    case 200..<300:
      let partial = (try? JSONDecoder().decode(Response.self, from: Data(reply.body)))?.partialSuccess
      self = .taken(
        rejected: max(0, partial?.rejectedSpans?.value ?? 0),
        message: partial?.errorMessage.flatMap { $0.isEmpty ? nil : Self.told($0) })
    case 429, 502, 503, 504:
      self = .later("status \(reply.status)", after: reply.retryAfter.flatMap { Self.delay($0, wall: wall) })
    default:
      let message = (try? JSONDecoder().decode(Status.self, from: Data(reply.body)))?.message
      self = .refused("status \(reply.status)" + (message.map { ": \(Self.told($0))" } ?? ""))
    }
  }

  private struct Response: Decodable {
    struct Partial: Decodable {
      var rejectedSpans: Count?
      var errorMessage: String?
    }
    var partialSuccess: Partial?
  }
  private struct Status: Decodable { var message: String }

  /// A 64-bit integer: a string, or a number all the same.
  private struct Count: Decodable {
    var value: Int
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      value = (try? container.decode(Int.self)) ?? Int((try? container.decode(String.self)) ?? "") ?? 0
    }
  }

  /// A stranger's words, fit for a line of the log.
  private static func told(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(200).filter { $0.value >= 0x20 && $0.value != 0x7F }))
  }

  /// Seconds, or a date (RFC 9110 §10.2.3).
  static func delay(_ text: String, wall: Double) -> Duration? {
    if let seconds = Int(text) { return seconds < 0 ? nil : .seconds(min(seconds, 1_000_000_000)) }
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int32(words[1]),
      let month = months.firstIndex(of: String(words[2])), let year = Int32(words[3]), (1970...9999).contains(year)
    else { return nil }
    let time = words[4].split(separator: ":").compactMap { Int32($0) }
    guard time.count == 3 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, Int32(month), day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (time[0], time[1], time[2])
    return .seconds(max(0, Double(timegm(&parts)) - wall))
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

/// When a batch is sent again, and when no more.
struct ExportRetries: Sendable {
  /// A batch waits so long in all, at most; what comes after it has to go, too.
  static let patience: Duration = .seconds(60)
  static let first: Duration = .seconds(1)
  static let greatest: Duration = .seconds(16)

  private var next = Self.first
  private var waited = Duration.zero

  /// - Parameters:
  ///   - after: What the receiver asked for.
  ///   - chance: 0 to 1, for jitter.
  /// - Returns: how long to wait; nil to give up.
  mutating func pause(after: Duration?, chance: Double) -> Duration? {
    let jittered = next * (0.8 + 0.4 * chance)
    let pause = max(after ?? .zero, after == nil ? jittered : .zero)
    guard waited + pause <= Self.patience else { return nil }
    waited += pause
    next = min(next * 2, Self.greatest)
    return pause
  }
}
