import AuthAPI
import Dispatch
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import Synchronization
import Testbed
import Testing

@testable import AuthServer

/// Two transactions that wait for each other once both have looked, so that neither has seen what the other does. Only
/// their first runs: an engine that finds them at odds runs one of them again.
private final class Meeting: Sendable {
  private let arrived = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
  private let known = Mutex<Set<Int>>([])
  private let engine: Engine

  init(_ engine: Engine) { self.engine = engine }

  func meet(_ party: Int) {
    // SQLite has one writer: whoever comes second looks after the first is through.
    guard engine == .postgresql, known.withLock({ $0.insert(party).inserted }) else { return }
    arrived[1 - party].signal()
    // A test that fails must not hang the suite.
    _ = arrived[party].wait(timeout: .now() + 20)
  }
}

@Suite struct LastAdministratorTests {
  @Test(
    "of two administrators who both go once each has seen that there is another, one stays",
    arguments: Engine.available, [false, true])
  func atOnce(_ engine: Engine, _ isDemoted: Bool) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let rootID = try await auth.send(AuthAPI.me, token: root).value.id
      let second = try await auth.newUser("second@example.org").id
      let path = "/api/v1/auth/accounts/\(second.lowercased)"
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["roles": ["admin"]], token: root).status == 200)
      let principal = try await auth.service.verifier.verify(root)
      let (holder, meeting) = (auth.service.personalData, Meeting(engine))

      @Sendable func erase(_ id: UUID, _ party: Int) async throws {
        try await auth.database.write { transaction in
          _ = try AccountStore(transaction).activeHolders(of: BuiltInRole.administrator, besides: id)
          meeting.meet(party)
          try holder.erase(id, in: transaction)
        }
      }
      let outcomes = await withTaskGroup(of: Result<Void, any Error>.self) { group in
        group.addTask {
          do {
            guard isDemoted else { return .success(try await erase(rootID, 0)) }
            _ = try await auth.service.administration.update(
              AccountUpdate(id: rootID, roles: ["user"]), by: principal
            ) { _ in meeting.meet(0) }
            return .success(())
          } catch { return .failure(error) }
        }
        group.addTask {
          do { return .success(try await erase(second, 1)) } catch { return .failure(error) }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      // A demotion that comes second is told why not; an erasure waits.
      for case .failure(let error) in outcomes {
        #expect((error as? Problem)?.code == "last_administrator", "\(error)")
      }
      let left = try await auth.database.read { transaction in
        try AccountStore(transaction).activeHolders(of: BuiltInRole.administrator, besides: nil)
      }
      #expect(left == 1)
    }
  }
}
