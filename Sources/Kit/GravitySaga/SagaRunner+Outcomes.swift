import Dispatch
import Foundation
import GravityContracts
import GravityData
import Logging
import Synchronization

extension SagaRunner {
  /// What was written of an attempt.
  struct Concluded: Sendable {
    var saga: ClaimedSaga
    var entry: TimelineEntry?
  }

  /// Writes what became of an attempt, again and again while the saga is this owner's.
  func conclude(
    _ saga: ClaimedSaga, _ kind: AnySaga, _ result: AttemptResult, _ logger: Logger
  ) async -> Concluded? {
    var conclusion = Conclusion(
      saga: saga, kind: kind, result: result, chance: configuration.chance(), clock: store.clock)
    var errors = 0
    while true {
      do {
        conclusion.goesOn = state.withLock { !$0.isDraining }
        return try await conclusions.write(conclusion)
      } catch is SagaChanged {
        guard let row = await reread(saga.row.id, logger), row.isSame(as: saga.row) else { return nil }
        conclusion.saga.row.cancellation = row.cancellation
      } catch let failure as SagaRecordFailure {
        conclusion.result = .failed("its outcome cannot be recorded: \(SagaErrorText.text(of: failure.error))", .failed)
      } catch let failure as SagaEndFailure {
        let text = "the end cannot be recorded: \(SagaErrorText.text(of: failure.error))"
        // The step is done or undone all the same; only the end has to be tried again.
        if case .compensated = failure.ending {
          conclusion.endError = text
        } else {
          conclusion.result = .failed(text, .failed)
        }
      } catch let error as DatabaseError where error.code == .commitUnknown {
        logger.warning("it is not known whether a step's end was written", metadata: ["error": "\(error)"])
        guard let row = await reread(saga.row.id, logger) else { return nil }
        if row.isSame(as: saga.row) { continue }
        guard row.version == saga.row.version + 1, row.owner == nil || row.owner == saga.row.owner else { return nil }
        // Ours: nobody else changes the version by one. A signal that it goes on with is found by who takes it next.
        guard row.owner != nil, row.awaiting != nil else { return Concluded(saga: ClaimedSaga(row: row), entry: nil) }
        return nil
      } catch {
        errors += 1
        logger.warning("a step's end cannot be written", metadata: ["error": "\(error)"])
        guard errors < 20, (error as? DatabaseError)?.code != .closed, isOwned(by: saga.row.owner) else { return nil }
        // Nobody signals this one; it only keeps the pause.
        await Signal().wait(atMost: retryPause(errors))
      }
    }
  }

  private func isOwned(by owner: String?) -> Bool { state.withLock { $0.owner == owner } }

  private func reread(_ id: UUID, _ logger: Logger) async -> SagaRow? {
    var errors = 0
    while true {
      do {
        return try await store.database.write { try SagaTable.row(id, in: $0) }
      } catch {
        errors += 1
        logger.warning("a saga cannot be read", metadata: ["error": "\(error)"])
        guard errors < 20, (error as? DatabaseError)?.code != .closed else { return nil }
        await Signal().wait(atMost: retryPause(errors))
      }
    }
  }
}

extension SagaRow {
  fileprivate func isSame(as other: SagaRow) -> Bool { version == other.version && owner == other.owner }
}

/// The row is not what the writer has seen: another owner has it, or it was canceled meanwhile.
struct SagaChanged: Error {}

/// A step's `record` threw.
struct SagaRecordFailure: Error { let error: any Error }

/// A saga's `ended` threw.
struct SagaEndFailure: Error {
  let error: any Error
  let ending: SagaEnding
}
