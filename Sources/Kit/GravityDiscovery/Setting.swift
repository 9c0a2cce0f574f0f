import Configuration

/// One value that an operator may set: declared once, read typed, listed by `gravity config`.
public struct Setting<Value: Sendable>: Sendable {
  /// Words apart by dots: `gravity.postgres.url` is `GRAVITY_POSTGRES_URL` in the environment and
  /// `{"gravity": {"postgres": {"url": …}}}` in the file.
  public let key: String
  public let help: String
  /// What `gravity config` shows where nothing is set. Secrets have none.
  public let standard: Value?
  public let isSecret: Bool
  /// Whether a change takes effect while the program runs; else at the next start. See ``live``.
  public internal(set) var isLive = false
  let parse: @Sendable (String) -> Value?
  let expected: String

  /// - Parameters:
  ///   - expected: What a value looks like, for the message about a bad one: `a number from 1 to 100`.
  ///   - parse: nil for a text that is no such value.
  public init(
    _ key: String, _ help: String, standard: Value? = nil, isSecret: Bool = false, expected: String,
    parse: @escaping @Sendable (String) -> Value?
  ) {
    self.key = key
    self.help = help
    self.standard = standard
    self.isSecret = isSecret
    self.expected = expected
    self.parse = parse
  }

  /// The name in the environment.
  public var environmentName: String { key.uppercased().replacing(".", with: "_").replacing("-", with: "_") }
}

extension Setting where Value == String {
  public init(text key: String, _ help: String, standard: String? = nil, isSecret: Bool = false) {
    self.init(key, help, standard: standard, isSecret: isSecret, expected: "a text that is not empty") {
      $0.isEmpty ? nil : $0
    }
  }
}

extension Setting where Value == Int {
  public init(integer key: String, _ help: String, standard: Int? = nil, in range: ClosedRange<Int>) {
    self.init(
      key, help, standard: standard, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)"
    ) { Int($0).flatMap { range.contains($0) ? $0 : nil } }
  }
}

extension Setting where Value == Bool {
  public init(flag key: String, _ help: String, standard: Bool? = nil) {
    self.init(key, help, standard: standard, expected: "true or false") { text in
      switch text.lowercased() {
      case "true", "1", "yes", "on": true
      case "false", "0", "no", "off": false
      default: nil
      }
    }
  }
}

extension Setting where Value == Duration {
  /// A number with its unit: `500ms`, `30s`, `15m`, `12h`, `30d`.
  public init(duration key: String, _ help: String, standard: Duration, in range: ClosedRange<Duration>) {
    let bounds = "\(DurationText.string(range.lowerBound)) to \(DurationText.string(range.upperBound))"
    self.init(key, help, standard: standard, expected: "a duration from \(bounds), such as 30s, 15m or 12h") {
      DurationText.parse($0).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

/// Durations as people write them.
public enum DurationText {
  private static let units: [(suffix: String, duration: Duration)] = [
    ("ms", .milliseconds(1)), ("d", .seconds(86400)), ("h", .seconds(3600)), ("m", .seconds(60)), ("s", .seconds(1)),
  ]

  /// - Returns: nil unless `text` is a whole number and one of `ms s m h d`.
  public static func parse(_ text: String) -> Duration? {
    for (suffix, unit) in units where text.hasSuffix(suffix) {
      guard let count = Int(text.dropLast(suffix.count)), (0...1_000_000_000).contains(count) else { return nil }
      return unit * count
    }
    return nil
  }

  /// In the largest unit that leaves a whole number.
  public static func string(_ duration: Duration) -> String {
    for (suffix, unit) in [units[1], units[2], units[3], units[4]] {
      let count = duration / unit
      if count >= 1, count == count.rounded() { return "\(Int(count))\(suffix)" }
    }
    return "\(Int(duration / .milliseconds(1)))ms"
  }
}
