import ArgumentParser
import Foundation
import GravityService

struct Torture: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Kill a platform over and over while orders flow, and prove that nothing was lost.",
    discussion: """
      Starts a platform of its own in a folder of its own, sends orders, kills its processes (and, distributed, its
      servers) with SIGKILL at random moments and at named points of the code, starts them again, and holds what it
      finds against what it was promised. The same --seed makes the same plan. Ends with 1 when an invariant breaks.
      """)

  @Option(help: "How long orders flow.") var minutes = 2.0
  @Option(help: "embedded: one process on SQLite; distributed: a process for each service, on servers of its own.")
  var engines = Engines.embedded
  @Option(help: "Repeats the plan of another run.") var seed: UInt64?
  @Option(help: "Buyers who order at the same time: 1 to 256.") var clients = 8
  @Option(help: "Added to every port.") var portOffset = 20_000
  @Option(help: ArgumentHelp("Where everything is kept; else in a folder that a clean run deletes.", valueName: "dir"))
  var dir: String?

  enum Engines: String, ExpressibleByArgument, CaseIterable { case embedded, distributed }

  func validate() throws {
    guard minutes > 0, minutes <= 10_000 else { throw ValidationError("--minutes takes more than 0") }
    guard (1...256).contains(clients) else { throw ValidationError("--clients takes 1 to 256") }
    guard (0...50_000).contains(portOffset) else { throw ValidationError("--port-offset takes 0 to 50000") }
  }

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
    let folder = try TortureFolder(dir)
    say(
      "torture --seed \(seed) --engines \(engines.rawValue) --minutes \(minutes): everything is in \(folder.url.path)")
    let victims: any TortureVictims =
      switch engines {
      case .embedded: try EmbeddedVictims(folder: folder, portOffset: portOffset)
      case .distributed: try await DistributedVictims(folder: folder, portOffset: portOffset)
      }
    let run = TortureRun(
      victims: victims, shop: ShopVisitor(base: "http://127.0.0.1:\(8000 + portOffset)"), seed: seed,
      duration: .seconds(minutes * 60), clients: clients)
    let verdict: [Invariant]
    do {
      verdict = try await run.go()
    } catch {
      await victims.stop()
      throw error
    }
    await victims.stop()
    for invariant in verdict { say(invariant.line) }
    guard verdict.allSatisfy(\.holds) else {
      say("BROKEN. Seed \(seed); what was written is in \(folder.url.path)")
      throw ExitCode(1)
    }
    say("All \(verdict.count) invariants hold. Seed \(seed).")
    folder.delete()
  }
}

/// A line of progress, at once.
func say(_ line: String) { print(flushing: line) }

/// Where a run keeps what it makes.
struct TortureFolder {
  let url: URL
  private let isOurs: Bool

  init(_ path: String?) throws {
    isOurs = path == nil
    url = URL(filePath: path ?? NSTemporaryDirectory() + "gravity-torture-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // A database server that runs as another user has to reach its folder.
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
  }

  /// A folder that the caller named is the caller's.
  func delete() { if isOurs { try? FileManager.default.removeItem(at: url) } }
}

/// What must be true at the end.
struct Invariant: Sendable {
  var name: String
  /// What was counted.
  var found: String
  var holds: Bool

  var line: String { "\(holds ? "  ok    " : "  BROKEN") \(name): \(found)" }
}
