import Dispatch
import Foundation
import GravityContracts
import GravityData
import Patience
import Testbed
import Testing

@testable import GravitySaga

@Suite(.timeLimit(.minutes(5))) struct NeighbourTests {
  @Test("a saga whose row somebody holds keeps none of those that end beside it", arguments: Engine.available)
  func held(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      // One writer holds everything there.
      guard database.dialect == .postgresql else { return }
      let stage = Stage(database, isReal: true)
      let door = Door()
      let saga = Saga<Plan>(
        "test.neighbours",
        steps: ["a", "b"].map { name in
          SagaStep(name) { _ in
            await door.pass()
            return .done()
          }
        })
      try await stage.running(stage.runner(saga)) {
        var ids: [UUID] = []
        for _ in 0..<40 { ids.append(try await stage.start(saga)) }
        try await eventually("all are at their first step") { door.visitors == ids.count }
        let (isHeld, release) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
        let held = ids[17]
        async let holder: Bool = database.write { transaction in
          try transaction.relax()
          _ = try transaction.rows("SELECT 1 FROM gravity_sagas WHERE id = \(held) FOR UPDATE")
          isHeld.continuation.finish()
          return release.wait(timeout: .now() + 30) == .success
        }
        for await _ in isHeld.stream {}
        // They end their steps together, and are written together.
        door.open()
        for id in ids where id != held { #expect(try await stage.end(id).state == .known(.completed)) }
        #expect(try await stage.state(held) == .running)
        release.signal()
        #expect(try await holder, "the others did not wait for it")
        #expect(try await stage.end(held).state == .known(.completed))
      }
    }
  }
}
