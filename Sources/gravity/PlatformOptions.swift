import ArgumentParser
import Foundation
import GravityDiscovery

/// The options that mean the same for every command.
struct PlatformOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where databases, keys and mail are kept. (default: .gravity)", valueName: "dir"))
  var dataDir: String?

  @Option(help: ArgumentHelp("Added to every port: 100 puts the gateway on 8100. (default: 0)", valueName: "n"))
  var portOffset: String?

  @Option(help: ArgumentHelp("The address to listen on. (default: 127.0.0.1)", valueName: "address"))
  var host: String?

  /// The layers, with these options on top.
  ///
  /// - Parameter store: Whether Consul's settings are among them, where one is named.
  /// - Throws: `StartFailure` when it cannot be asked.
  func configuration(store: Bool = true) async throws -> LayeredConfiguration {
    var commandLine: [String: String] = [:]
    commandLine[Settings.dataDirectory.key] = dataDir
    commandLine[Settings.portOffset.key] = portOffset
    commandLine[Settings.host.key] = host
    let environment = ProcessInfo.processInfo.environment
    let layers = try await LayeredConfiguration(
      commandLine: commandLine, environment: environment, file: environment["GRAVITY_CONFIG"])
    return store ? try await RunningConsul.adding(to: layers) : layers
  }
}
