import Foundation
public import GravityDiscovery
public import Logging
public import ServiceLifecycle

/// Settings in Consul's key-value store: the key below the prefix is the setting's ``AnySetting/storeName``, the value
/// its text (`consul kv put gravity/config/log/level debug`).
public final class ConsulConfiguration: Service {
  private let agent: ConsulAgent
  private let prefix: String
  private let declared: [String: any AnySetting]
  private let logger: Logger
  private let live: LiveConfiguration

  /// The longest value that is taken, in bytes.
  static let greatestValue = 16 << 10

  /// - Parameters:
  ///   - prefix: `gravity/config/`; a last `/` may be left out.
  ///   - settings: All that there are; other keys are told, and nothing else.
  ///   - live: Is given what stands there, now and after each change.
  public init(
    _ agent: ConsulAgent, prefix: String, settings: [any AnySetting], live: LiveConfiguration, logger: Logger
  ) {
    self.agent = agent
    self.prefix = Self.folder(prefix)
    self.live = live
    self.logger = logger
    declared = Self.byStoreName(settings)
  }

  /// What stands there now.
  ///
  /// - Returns: By setting key, and the keys that name no setting.
  /// - Throws: ``ConsulError`` when it cannot be asked; ``ConfigurationError`` for a value that is no text.
  public static func values(
    _ agent: ConsulAgent, prefix: String, settings: [any AnySetting]
  ) async throws -> (values: [String: String], unknown: [String]) {
    let answer = try await agent.client.send(
      .get, path(folder(prefix)), query, missing: true, timeout: agent.settings.requestTimeout)
    let read = try read(answer, folder(prefix), byStoreName(settings))
    if let reason = read.unreadable.min(by: { $0.key < $1.key })?.value { throw ConfigurationError(reason) }
    return (read.values, read.unknown)
  }

  /// What people are told of where a value comes from.
  public static func layerName(prefix: String) -> String { "Consul \(folder(prefix))" }

  /// Follows the store until shutdown. While Consul is away, what it said last stays in force.
  public func run() async throws {
    await cancelWhenGracefulShutdown { [self] in await follow() }
  }

  private func follow() async {
    var strangers: [String] = []
    let query = BlockingQuery(path: Self.path(prefix), Self.query, missing: true, agent)
    await query.follow(
      wait: { agent.settings.wait },
      interrupted: { error in
        guard let error, error.code != .unreachable else { return }
        logger.warning("cannot watch the configuration in Consul", metadata: ["error.message": "\(error)"])
      },
      answered: { answer in
        let read = try Self.read(answer, prefix, declared)
        for key in read.unknown where !strangers.contains(key) {
          logger.warning("\(key) in Consul names no setting", metadata: ["gravity.layer": "\(prefix)"])
        }
        strangers = read.unknown
        live.take(store: read.values, unreadable: read.unreadable, name: Self.layerName(prefix: prefix))
      })
  }

  private static let query = [("recurse", "true")]
  private static func folder(_ prefix: String) -> String {
    prefix.hasSuffix("/") || prefix.isEmpty ? prefix : prefix + "/"
  }
  private static func path(_ folder: String) -> String { "/v1/kv/" + folder }
  private static func byStoreName(_ settings: [any AnySetting]) -> [String: any AnySetting] {
    Dictionary(settings.map { ($0.storeName, $0) }) { first, _ in first }
  }

  private struct Pair: Decodable {
    var Key: String
    /// Base64; none where the value is empty.
    var Value: String?
  }

  private struct Contents {
    var values: [String: String] = [:]
    var unknown: [String] = []
    /// By setting key, why.
    var unreadable: [String: String] = [:]
  }

  private static func read(
    _ answer: ConsulClient.Answer, _ folder: String, _ declared: [String: any AnySetting]
  ) throws -> Contents {
    var contents = Contents()
    // There is nothing below the prefix.
    guard answer.status != 404 else { return contents }
    for pair in try answer.decode([Pair].self, of: "the keys below \(folder)") {
      let name = String(pair.Key.dropFirst(folder.count))
      // A folder is a key, too.
      guard !name.isEmpty, !name.hasSuffix("/") else { continue }
      guard let setting = declared[name] else {
        contents.unknown.append(pair.Key)
        continue
      }
      guard let data = Data(base64Encoded: pair.Value ?? ""), data.count <= greatestValue,
        let text = String(data: data, encoding: .utf8)
      else {
        contents.unreadable[setting.key] =
          "\(setting.environmentName) (\(layerName(prefix: folder))): \(pair.Key) is no text in UTF-8 of at most \(greatestValue) bytes"
        continue
      }
      // Editors end a file with a line break.
      contents.values[setting.key] = text.trimmingCharacters(in: .newlines)
    }
    return contents
  }
}
