import Configuration
import SystemPackage

/// Settings in layers: command line > environment > a key-value store, where there is one > file > defaults.
///
/// A value: what changes makes another one (``replacing(store:name:)``, ``rereadingFile()``), for ``LiveConfiguration`` to
/// take or to refuse.
public struct LayeredConfiguration: Sendable {
  /// A source of values, in the order of their weight.
  enum Layer: Int, Sendable, CaseIterable {
    case commandLine, environment, store, file
  }
  private struct Source: Sendable {
    var name: String
    var provider: any ConfigProvider
  }
  private var sources: [Layer: Source] = [:]
  private struct Found: Sendable, Equatable {
    var text: String
    var layer: String
  }
  /// Settings whose new value was refused, with the one that they keep; nil is the default.
  private var held: [String: Found?] = [:]
  /// The JSON file, where there is one.
  public let file: String?

  /// - Parameters:
  ///   - commandLine: Values by setting key, from the parsed arguments.
  ///   - environment: The process's environment.
  ///   - file: A JSON file, or nil.
  /// - Throws: ``ConfigurationError`` when the file cannot be read.
  public init(commandLine: [String: String], environment: [String: String], file: String?) async throws {
    self.file = file
    sources[.commandLine] = Source(name: "command line", provider: Self.provider("command line", commandLine))
    sources[.environment] = Source(
      name: "environment", provider: EnvironmentVariablesProvider(environmentVariables: environment))
    try await readFile()
  }

  /// The same with other values in the key-value store.
  ///
  /// - Parameters:
  ///   - name: What people are told of where a value comes from.
  ///   - values: By setting key. All of them: what is not named is not set there any more.
  public func replacing(store values: [String: String], name: String) -> LayeredConfiguration {
    var changed = self
    changed.sources[.store] = Source(name: name, provider: Self.provider(name, values))
    return changed
  }

  /// The same with what stands in the file now.
  ///
  /// - Throws: ``ConfigurationError`` when it cannot be read.
  public func rereadingFile() async throws -> LayeredConfiguration {
    var changed = self
    try await changed.readFile()
    return changed
  }

  /// The same with the file of `other`.
  func replacingFile(from other: LayeredConfiguration) -> LayeredConfiguration {
    var changed = self
    changed.sources[.file] = other.sources[.file]
    return changed
  }

  /// The same, but with these settings as they are in `other`, from wherever they come there.
  func holding(_ keys: Set<String>, asIn other: LayeredConfiguration) -> LayeredConfiguration {
    var changed = self
    for key in keys { changed.held[key] = .some(other.text(of: key)) }
    return changed
  }

  private mutating func readFile() async throws {
    guard let file else { return }
    do {
      sources[.file] = Source(
        name: "file \(file)", provider: try await FileProvider<JSONSnapshot>(filePath: FilePath(file)))
    } catch {
      throw ConfigurationError("the configuration file \(file) cannot be read: \(error)")
    }
  }

  private static func provider(_ name: String, _ values: [String: String]) -> InMemoryProvider {
    InMemoryProvider(
      name: name,
      values: .init(
        uniqueKeysWithValues: values.map { key, value in
          (AbsoluteConfigKey(components(key)), ConfigValue(.string(value), isSecret: false))
        }))
  }

  /// - Returns: the value of the topmost layer that has one, else the default, else nil.
  /// - Throws: ``ConfigurationError`` that names the setting, the layer and what was expected.
  public func optional<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value? {
    guard let found = text(of: setting.key) else { return setting.standard }
    guard let value = setting.parse(found.text) else {
      let shown = setting.isSecret ? "the value" : "\"\(found.text)\""
      throw ConfigurationError("\(setting.environmentName) (\(found.layer)): \(shown) is not \(setting.expected)")
    }
    return value
  }

  /// - Throws: ``ConfigurationError`` also when nothing is set and there is no default.
  public func value<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value {
    guard let value = try optional(setting) else {
      throw ConfigurationError("\(setting.environmentName) is not set; it takes \(setting.expected)")
    }
    return value
  }

  /// Where the setting's value comes from, and the value unless it is a secret.
  public func origin<Value>(of setting: Setting<Value>) -> (value: String, layer: String) {
    guard let found = text(of: setting.key) else {
      guard let standard = setting.standard else { return ("(not set)", "default") }
      return ((standard as? Duration).map(DurationText.string) ?? "\(standard)", "default")
    }
    return (setting.isSecret ? "(secret)" : found.text, found.layer)
  }

  private func text(of key: String) -> Found? {
    if let kept = held[key] { return kept }
    let key = AbsoluteConfigKey(Self.components(key))
    for source in Layer.allCases.compactMap({ sources[$0] }) {
      // A file keeps numbers and flags as such; they are read as they would be written.
      for type in [ConfigType.string, .int, .double, .bool] {
        guard let value = try? source.provider.value(forKey: key, type: type).value else { continue }
        switch value.content {
        case .string(let text): return Found(text: text, layer: source.name)
        case .int(let integer): return Found(text: "\(integer)", layer: source.name)
        case .double(let double): return Found(text: "\(double)", layer: source.name)
        case .bool(let flag): return Found(text: "\(flag)", layer: source.name)
        default: continue
        }
      }
    }
    return nil
  }

  /// Whether a setting has the same text in both, wherever from.
  func agrees(with other: LayeredConfiguration, on key: String) -> Bool {
    text(of: key)?.text == other.text(of: key)?.text
  }

  private static func components(_ key: String) -> [String] { key.split(separator: ".").map(String.init) }
}

/// A setting that cannot be used: what is wrong, where, and what to write instead.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
