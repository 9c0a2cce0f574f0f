/// A span that has ended: what an exporter sends and a console shows.
public struct SpanRecord: Sendable {
  public var context: TraceContext
  /// nil for the first span of a trace.
  public var parentID: UInt64?
  /// Whether the parent is another process's, or another service's of this one.
  public var isParentRemote: Bool
  /// What is done, never to whom: `GET /api/v1/orders/{id}`.
  public var name: String
  public var kind: SpanKind
  /// Nanoseconds since 1970.
  public var start: UInt64
  /// Nanoseconds since 1970; never before ``start``.
  public var end: UInt64
  public var attributes: SpanAttributes
  /// Whether it failed. Why stands in `error.type`.
  public var isError: Bool
  /// Whose it is.
  public let resource: SpanResource

  public init(
    context: TraceContext, parentID: UInt64?, isParentRemote: Bool, name: String, kind: SpanKind, start: UInt64,
    end: UInt64, attributes: SpanAttributes, isError: Bool, resource: SpanResource
  ) {
    self.context = context
    self.parentID = parentID
    self.isParentRemote = isParentRemote
    self.name = name.utf8.count <= Self.greatestName ? name : SpanAttributes.clipped(name, to: Self.greatestName)
    self.kind = kind
    self.start = start
    self.end = max(start, end)
    self.attributes = attributes
    self.isError = isError
    self.resource = resource
  }

  /// In bytes; a longer name is cut.
  public static let greatestName = 200
}

/// What a span is to those on its other end. The raw value is OTLP's.
public enum SpanKind: Int, Sendable, Hashable, CaseIterable {
  /// Work inside a service.
  case `internal` = 1
  /// A request that is answered.
  case server = 2
  /// A request that is sent and waited for.
  case client = 3
  /// A message that is sent and not waited for.
  case producer = 4
  /// The handling of such a message.
  case consumer = 5
}

/// What is known of a span: names of OpenTelemetry's semantic conventions and what they mean here.
///
/// At most ``greatestCount``, each text cut at ``greatestText`` bytes, so that a span has a greatest size. No place for
/// secrets and personal data: no query, no body, no header, no address of a person.
public struct SpanAttributes: Sendable, Hashable {
  public static let greatestCount = 32
  /// In bytes.
  public static let greatestText = 256

  public struct Pair: Sendable, Hashable {
    public let key: String
    public let value: SpanValue
  }
  public private(set) var pairs: [Pair]
  /// How many found no room.
  public private(set) var dropped = 0

  /// - Parameter capacity: How many are about to be added, at a guess.
  public init(capacity: Int = 0) {
    pairs = []
    if capacity > 0 { pairs.reserveCapacity(capacity) }
  }

  /// Each key once: who adds without looking sees to that.
  public mutating func append(_ key: String, _ value: SpanValue) {
    guard pairs.count < Self.greatestCount else { return dropped += 1 }
    if case .string(let text) = value, text.utf8.count > Self.greatestText {
      pairs.append(Pair(key: key, value: .string(Self.clipped(text, to: Self.greatestText))))
    } else {
      pairs.append(Pair(key: key, value: value))
    }
  }

  public subscript(key: String) -> SpanValue? {
    get { pairs.first { $0.key == key }?.value }
    set {
      pairs.removeAll { $0.key == key }
      if let newValue { append(key, newValue) }
    }
  }

  /// The beginning of `text` in at most so many bytes of whole characters.
  static func clipped(_ text: String, to bytes: Int) -> String {
    var (clipped, count) = ("", 0)
    for scalar in text.unicodeScalars {
      count += UTF8.width(scalar)
      guard count <= bytes else { break }
      clipped.unicodeScalars.append(scalar)
    }
    return clipped
  }
}

/// A span's attribute is one of these.
public enum SpanValue: Sendable, Hashable {
  case string(String)
  case int(Int)
  case double(Double)
  case bool(Bool)
}

extension SpanValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// Who speaks: the same for all spans of one service in one process, so it is kept once.
public final class SpanResource: Sendable {
  /// `service.name`.
  public let service: String
  /// All of them, `service.name` too, in the order of their names.
  public let attributes: [(key: String, value: String)]

  /// - Parameter attributes: Apart from `service.name`.
  public init(service: String, attributes: [String: String] = [:]) {
    self.service = service
    self.attributes = attributes.merging(["service.name": service]) { $1 }
      .sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
  }
}
