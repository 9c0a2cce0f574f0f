import ArgumentParser
import Foundation
import GravityDiscovery

/// A setting with its type forgotten, for the list.
protocol AnySetting: Sendable {
  var environmentName: String { get }
  var help: String { get }
  func origin(in configuration: LayeredConfiguration) -> (value: String, layer: String)
  func check(in configuration: LayeredConfiguration) throws(ConfigurationError)
}

extension Setting: AnySetting {
  func origin(in configuration: LayeredConfiguration) -> (value: String, layer: String) {
    configuration.origin(of: self)
  }
  func check(in configuration: LayeredConfiguration) throws(ConfigurationError) { _ = try configuration.optional(self) }
}

struct Config: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List every setting, its value and where that came from; secrets are hidden.")
  @OptionGroup var options: PlatformOptions

  func run() async throws {
    let configuration = try await options.configuration()
    let width = Settings.all.map(\.environmentName.count).max() ?? 0
    for setting in Settings.all {
      let (value, layer) = setting.origin(in: configuration)
      print("\(setting.environmentName.padding(toLength: width, withPad: " ", startingAt: 0))  \(value)  [\(layer)]")
      print("\(String(repeating: " ", count: width))    \(setting.help)")
    }
    // After the list, so that the mistake is the last thing read.
    for setting in Settings.all { try setting.check(in: configuration) }
  }
}
