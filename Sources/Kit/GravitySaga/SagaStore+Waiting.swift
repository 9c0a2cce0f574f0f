import Dispatch
public import Foundation
public import GravityContracts
import GravityData

extension SagaStore {
  /// Waits for the end of a saga, but no longer than `limit`: at most 5 minutes.
  ///
  /// Who waits is woken by the runner of this process, or by a notification from another. On SQLite, and where no runner
  /// lives, another process's end is seen within a quarter of a second.
  ///
  /// - Returns: the saga without its timeline, whether it has ended or not; nil when there is none.
  /// - Throws: `DatabaseError`; `CancellationError` when the caller is cancelled.
  public func ended(_ id: UUID, within limit: Duration) async throws -> SagaView? {
    guard try await waitForEnd(id, within: limit) != nil else { return nil }
    return try await find(id)
  }

  /// The same for whoever only wants to know that it is over.
  ///
  /// - Returns: whether it has ended; nil when there is none.
  /// - Throws: `DatabaseError`; `CancellationError` when the caller is cancelled.
  public func waitForEnd(_ id: UUID, within limit: Duration) async throws -> Bool? {
    let limit = min(max(limit, .zero), .seconds(300)).inSeconds
    let start = DispatchTime.now().uptimeNanoseconds
    return try await hub.waiting(for: id) { signal in
      while true {
        let found = try await database.rows("SELECT owner, ended_at FROM gravity_sagas WHERE id = \(id)").first
        guard let found else { return nil }
        let left = limit - Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        if try found.get("ended_at", as: Date?.self) != nil { return true }
        if left <= 0 { return false }
        // Where this process runs it, nobody else ends it.
        let owner: String? = try found.get("owner")
        let isHere = owner != nil && owner == hub.owner
        await signal.wait(atMost: .seconds(min(left, isHere ? 5 : 0.25)))
        try Task.checkCancellation()
      }
    }
  }
}
