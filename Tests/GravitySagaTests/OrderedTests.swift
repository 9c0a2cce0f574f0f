import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import GravitySaga

@Suite struct OrderedTests {
  private static let migrations =
    Stage.migrations + [
      Migration(2, "counts", [.table("counts", "subject \(type: .text) PRIMARY KEY, times \(type: .bigint) NOT NULL")])
    ]

  private static func count(_ saga: SagaReference, _ transaction: any Transaction) throws {
    let times = try transaction.scalar("SELECT times FROM counts WHERE subject = \(saga.subject)", as: Int.self) ?? 0
    try transaction.execute("UPDATE counts SET times = \(times + 1) WHERE subject = \(saga.subject)")
  }

  @Test("sagas that are ordered by their subject lose no change to it, also two at once", arguments: Engine.available)
  func ordered(_ engine: Engine) async throws {
    try await engine.withDatabase(Self.migrations) { database in
      let stage = Stage(database, isReal: true)
      let saga = Saga<Plan>(
        "test.ordered", orderedBy: { "subject \($0.subject)" },
        steps: ["a", "b", "c"].map { name in
          SagaStep(name, isPivot: name == "b") { attempt in
            .done { _, transaction in try Self.count(attempt.saga, transaction) }
          }
        }
      ) { _, _, saga, transaction in try Self.count(saga, transaction) }
      try await database.write { transaction in
        for n in 0..<3 { try transaction.execute("INSERT INTO counts (subject, times) VALUES (\("\(n)"), 0)") }
      }
      try await stage.running(stage.runner(saga)) {
        let ids = (0..<60).map { _ in UUID.v7() }
        for (n, id) in ids.enumerated() {
          try await database.write { transaction in
            try stage.store.start(saga, id: id, subject: "\(n % 3)", state: Plan(), in: transaction)
          }
        }
        for id in ids { #expect(try await stage.end(id).state == .known(.completed)) }
      }
      let times: [Int] = try await database.rows("SELECT times FROM counts ORDER BY subject").map { try $0.get(0) }
      #expect(times == [80, 80, 80], "three records and an end of each saga")
    }
  }
}
