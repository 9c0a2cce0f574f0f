import ArgumentParser
import Foundation
import GravityData
import GravityDiscovery
import GravityService

struct Move: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Carry a platform's data from SQLite to PostgreSQL, or back, and prove them equal.",
    discussion: """
      One of --from and --to is the folder of a platform, the other the URL of a PostgreSQL server. The platform has to
      be stopped, and the target empty. A move that is broken off, however, goes on when it is run again; until it is
      finished nothing serves the target. Ends with 1 when anything differs. GRAVITY_POSTGRES_PREFIX counts.
      """)

  @Option(help: ArgumentHelp("A folder, or postgres://USER:PASSWORD@HOST:PORT/DATABASE.", valueName: "place"))
  var from: String

  @Option(help: ArgumentHelp("The other of the two; what is missing there is made.", valueName: "place"))
  var to: String

  @Flag(help: "Only say what would be moved, and whether it could be.") var dryRun = false
  @Flag(help: "Only compare both sides.") var verifyOnly = false
  @Flag(help: "Delete what an unfinished move has brought to the target, and begin anew.") var startOver = false
  @Option(help: "At most so many rows in one transaction: 1 to 10000.") var batch = 1_000

  func validate() throws {
    guard (1...10_000).contains(batch) else { throw ValidationError("--batch takes 1 to 10000") }
    guard [dryRun, verifyOnly, startOver].filter({ $0 }).count <= 1 else {
      throw ValidationError("--dry-run, --verify-only and --start-over do not go together")
    }
    guard from.contains("://") != to.contains("://") else {
      throw ValidationError(
        from.contains("://")
          ? "one of --from and --to is a folder; between two servers use pg_dump and pg_restore"
          : "one of --from and --to is a server; a folder is copied as it is, while the platform is stopped")
    }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let configuration = try PlatformConfiguration(
      try await LayeredConfiguration(commandLine: [:], environment: environment, file: environment["GRAVITY_CONFIG"]))
    let source = try MovePlace(from, configuration, makesFolder: false)
    if dryRun { return try await MoveRehearsal(source: source, to: to, configuration: configuration).run() }
    let target = try MovePlace(to, configuration, makesFolder: !verifyOnly)
    try source.claim()
    try target.claim()
    let sides = MoveSides(source: source, target: target)
    var bounds = PageBounds()
    bounds.rows = batch
    let run = MoveRun(sides: sides, bounds: bounds, progress: MoveProgress())
    let proofs: [TableProof]
    do {
      proofs = verifyOnly ? try await run.verify() : try await run.move(startsOver: startOver)
    } catch let error as DatabaseError where error.isTransient || error.code == .commitUnknown {
      throw StartFailure(
        .unavailable, "a database went away (\(error)); run the same command again, it goes on where it was")
    }
    print(MoveReport.table(proofs))
    print(MoveReport.summary(proofs))
    guard proofs.allSatisfy(\.isEqual) else {
      if !verifyOnly {
        print("The target stays closed. If the source was used meanwhile: --start-over. Else look at the rows above.")
      }
      throw ExitCode(1)
    }
    guard !verifyOnly else { return }
    let waiting = proofs.first { $0.table == "queue_messages" }?.source.rows ?? 0
    print(MoveReport.next(sides, configuration, waiting: waiting))
  }
}
