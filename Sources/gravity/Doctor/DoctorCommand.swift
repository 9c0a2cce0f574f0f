import ArgumentParser
import Foundation

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what is wrong with this set-up, and how to mend it.",
    discussion: "Ends with 1 when there is something to mend.")
  @OptionGroup var options: PlatformOptions

  @Flag(help: "For programs: one object with all findings.") var json = false

  func run() async throws {
    // Settings in Consul count where it answers; whether it does is one of the findings.
    let layers = try await options.configuration(store: false)
    let configuration = try PlatformConfiguration((try? await RunningConsul.adding(to: layers)) ?? layers)
    var findings = FolderFindings.all(configuration)
    findings += await PortFindings.all(configuration)
    findings += await PostgresFindings.all(configuration)
    findings += await DatabaseFindings.all(configuration)
    findings += await RabbitMQFindings.all(configuration)
    findings += await RedisFindings.all(configuration)
    findings += await ConsulFindings.all(configuration)
    findings += await SMTPFindings.all(configuration)
    findings += ExposureFindings.all(configuration)
    let faults = findings.filter { !$0.isWell }.count
    if json {
      print(try FindingList(findings).json)
    } else {
      for finding in findings { print(finding) }
      print(faults == 0 ? "All is well." : "\(faults) thing\(faults == 1 ? "" : "s") to mend.")
    }
    if faults > 0 { throw ExitCode(1) }
  }
}
