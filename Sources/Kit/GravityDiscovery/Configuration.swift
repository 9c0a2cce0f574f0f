import Configuration
import SystemPackage

/// Settings in layers: command line > environment > file > defaults. (Consul's key-value store comes between the
/// environment and the file when there is one.)
public struct LayeredConfiguration: Sendable {
  private let layers: [(name: String, provider: any ConfigProvider)]

  /// - Parameters:
  ///   - commandLine: Values by setting key, from the parsed arguments.
  ///   - environment: The process's environment.
  ///   - file: A JSON file, or nil.
  /// - Throws: ``ConfigurationError`` when the file cannot be read.
  public init(commandLine: [String: String], environment: [String: String], file: String?) async throws {
    var layers: [(name: String, provider: any ConfigProvider)] = [
      (
        "command line",
        InMemoryProvider(
          name: "command line",
          values: .init(
            uniqueKeysWithValues: commandLine.map { key, value in
              (AbsoluteConfigKey(Self.components(key)), ConfigValue(.string(value), isSecret: false))
            }))
      ),
      ("environment", EnvironmentVariablesProvider(environmentVariables: environment)),
    ]
    if let file {
      do {
        layers.append(("file \(file)", try await FileProvider<JSONSnapshot>(filePath: FilePath(file))))
      } catch {
        throw ConfigurationError("the configuration file \(file) cannot be read: \(error)")
      }
    }
    self.layers = layers
  }

  /// - Returns: the value of the topmost layer that has one, else the default, else nil.
  /// - Throws: ``ConfigurationError`` that names the setting, the layer and what was expected.
  public func optional<Value>(_ setting: Setting<Value>) throws(ConfigurationError) -> Value? {
    guard let (text, layer) = text(of: setting.key) else { return setting.standard }
    guard let value = setting.parse(text) else {
      let shown = setting.isSecret ? "the value" : "\"\(text)\""
      throw ConfigurationError("\(setting.environmentName) (\(layer)): \(shown) is not \(setting.expected)")
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
    guard let (text, layer) = text(of: setting.key) else {
      guard let standard = setting.standard else { return ("(not set)", "default") }
      return ((standard as? Duration).map(DurationText.string) ?? "\(standard)", "default")
    }
    return (setting.isSecret ? "(secret)" : text, layer)
  }

  private func text(of key: String) -> (text: String, layer: String)? {
    let key = AbsoluteConfigKey(Self.components(key))
    for (name, provider) in layers {
      // A file keeps numbers and flags as such; they are read as they would be written.
      for type in [ConfigType.string, .int, .double, .bool] {
        guard let value = try? provider.value(forKey: key, type: type).value else { continue }
        switch value.content {
        case .string(let text): return (text, name)
        case .int(let integer): return ("\(integer)", name)
        case .double(let double): return ("\(double)", name)
        case .bool(let flag): return ("\(flag)", name)
        default: continue
        }
      }
    }
    return nil
  }

  private static func components(_ key: String) -> [String] { key.split(separator: ".").map(String.init) }
}

/// A setting that cannot be used: what is wrong, where, and what to write instead.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
