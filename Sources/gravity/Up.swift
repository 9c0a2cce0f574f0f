import ArgumentParser
import Foundation
import GravityDiscovery
import GravityService

struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the whole platform on this machine.",
    discussion: """
      Everything in one process, data in one folder, nothing to install. With GRAVITY_POSTGRES_URL the services keep
      their data in PostgreSQL, a database each. A process that dies is started again; Ctrl-C finishes what is in
      flight and ends.
      """)
  @OptionGroup var options: PlatformOptions

  @Option(help: ArgumentHelp("Only these, apart by commas: gateway,auth.", valueName: "names"))
  var only: String?

  @Flag(help: "Do not print where things are.")
  var quiet = false

  /// Set for the process that does the work by the one that watches over it.
  private static let watched = "GRAVITY_WATCHED"

  func run() async throws {
    let names = try Self.names(only)
    // Everything is in this process, so it needs no Consul.
    let layers = try await options.configuration(store: false)
    let configuration = try PlatformConfiguration(layers)
    var environment = ProcessInfo.processInfo.environment
    if environment[Self.watched] != nil {
      WatchingParent.endWithIt()
      return try await Platform(configuration, running: names, mode: .up(quiet: quiet)).run()
    }
    environment[Self.watched] = "1"
    let supervisor = Supervisor(
      executable: try Self.executable(), arguments: Array(CommandLine.arguments.dropFirst()), environment: environment
    ) { line in FileHandle.standardError.write(Data("gravity: \(line)\n".utf8)) }
    let code = try await supervisor.run()
    throw ExitCode(code)
  }

  private static func names(_ only: String?) throws -> [String] {
    guard let only else { return Catalog.names }
    let names = only.split(separator: ",").map { String($0.filter { $0 != " " }) }
    for name in names where !Catalog.names.contains(name) {
      throw ValidationError("there is no service \"\(name)\"; there are \(Catalog.names.joined(separator: ", "))")
    }
    guard !names.isEmpty else { throw ValidationError("--only names no service") }
    return names
  }

  private static func executable() throws -> String {
    // The running file itself, not what PATH or a rebuilt file says now.
    if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { return path }
    guard let path = Bundle.main.executablePath else {
      throw StartFailure(.software, "the program cannot find its own file")
    }
    return path
  }
}

/// Ends this process when the one that watches over it is gone: its end of standard input closes with it.
enum WatchingParent {
  static func endWithIt() {
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      kill(getpid(), SIGTERM)
    }
    thread.stackSize = 64 << 10
    thread.start()
  }
}
