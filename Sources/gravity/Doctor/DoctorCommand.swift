import ArgumentParser
import Foundation

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what is wrong with this set-up, and how to mend it.",
    discussion: "Ends with 1 when there is something to mend.")
  @OptionGroup var options: PlatformOptions

  @Flag(help: "For programs: one object with all findings.") var json = false

  func run() async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    var findings = FolderFindings.all(configuration)
    findings += await PortFindings.all(configuration)
    findings += await PostgresFindings.all(configuration)
    findings += await DatabaseFindings.all(configuration)
    findings += await RabbitMQFindings.all(configuration)
    // Each other server has its line here.
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
