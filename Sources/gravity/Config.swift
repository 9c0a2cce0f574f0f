import ArgumentParser
import Foundation
import GravityDiscovery

struct Config: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List every setting, its value and where that came from; secrets are hidden.",
    discussion: """
      A setting that is live may change while the platform runs: in Consul (CONSUL_HTTP_ADDR) below
      GRAVITY_CONSUL_PREFIX, or in the file that GRAVITY_CONFIG names. Others take effect at the next start.
      """)
  @OptionGroup var options: PlatformOptions

  func run() async throws {
    var configuration = try await options.configuration(store: false)
    // What is known is listed, whether Consul answers or not.
    let trouble: (any Error)?
    do {
      configuration = try await RunningConsul.adding(to: configuration)
      trouble = nil
    } catch { trouble = error }
    let width = Settings.all.map(\.environmentName.count).max() ?? 0
    for setting in Settings.all {
      let (value, layer) = setting.origin(in: configuration)
      print(
        "\(setting.environmentName.padding(toLength: width, withPad: " ", startingAt: 0))  \(value)  [\(layer)]\(setting.isLive ? "  live" : "")"
      )
      print("\(String(repeating: " ", count: width))    \(setting.help)")
    }
    // After the list, so that the mistake is the last thing read.
    for setting in Settings.all { try setting.check(in: configuration) }
    if let trouble { throw trouble }
  }
}
