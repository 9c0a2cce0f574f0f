/// A setting with its type forgotten: for lists, and for changes that arrive as text.
public protocol AnySetting: Sendable {
  var key: String { get }
  var environmentName: String { get }
  var help: String { get }
  var isSecret: Bool { get }
  /// Whether a change takes effect while the program runs; else at the next start.
  var isLive: Bool { get }
  /// Where the value comes from, and the value unless it is a secret.
  func origin(in configuration: LayeredConfiguration) -> (value: String, layer: String)
  /// - Throws: ``ConfigurationError`` for a value that is none.
  func check(in configuration: LayeredConfiguration) throws(ConfigurationError)
}

extension Setting: AnySetting {
  public func origin(in configuration: LayeredConfiguration) -> (value: String, layer: String) {
    configuration.origin(of: self)
  }
  public func check(in configuration: LayeredConfiguration) throws(ConfigurationError) {
    _ = try configuration.optional(self)
  }
}

extension Setting {
  /// The same setting, declared to take effect at once when its value changes.
  public var live: Setting {
    var setting = self
    setting.isLive = true
    return setting
  }
}

extension AnySetting {
  /// Its name below the prefix in a key-value store: `gravity.log.level` is `log/level`. What is not Gravity's own keeps
  /// its first word: `otel/traces/sampler`.
  public var storeName: String {
    (key.hasPrefix("gravity.") ? String(key.dropFirst("gravity.".count)) : key).replacing(".", with: "/")
  }
}
