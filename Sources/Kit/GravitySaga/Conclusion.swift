import Foundation
import GravityContracts
import GravityData

/// The one transaction that writes how an attempt ended and what comes next.
struct Conclusion: Sendable {
  var saga: ClaimedSaga
  let kind: AnySaga
  var result: AttemptResult
  let chance: Double
  let clock: SagaClock
  var goesOn = true
  /// Why the end as compensated could not be recorded a moment ago; it is then tried later.
  var endError: String?

  init(saga: ClaimedSaga, kind: AnySaga, result: AttemptResult, chance: Double, clock: SagaClock) {
    self.saga = saga
    self.kind = kind
    self.result = result
    self.chance = chance
    self.clock = clock
  }

  /// - Throws: ``SagaChanged``, ``SagaRecordFailure``, ``SagaEndFailure``, `DatabaseError`: then nothing is written.
  func write(in transaction: any Transaction) throws -> SagaRunner.Concluded {
    let old = saga.row
    let decision = SagaDecision(saga: kind, now: try clock.now(transaction), chance: chance, goesOn: goesOn)
    var row = old
    if case .outcome(let outcome) = result {
      if let record = outcome.record {
        row.data = try passingTransient({ try record(transaction) }, SagaRecordFailure.init)
      }
      if let signal = saga.signal { try SagaTable.consume(signal.number, of: row.id, in: transaction) }
    }
    var entry: TimelineEntry?
    var next: ReceivedSignal?
    let ending = try settle(&row, &entry, &next, decision, in: transaction)
    if let ending {
      if let endError {
        if case .undone = result { entry = row.entry(.failed, error: endError, at: decision.now) }
        row.failUndoing(endError, decision)
      } else {
        try end(&row, ending, at: decision.now, in: transaction)
      }
    }
    guard let written = try SagaTable.write(row, after: old, entry, at: decision.now, in: transaction) else {
      throw SagaChanged()
    }
    return SagaRunner.Concluded(saga: ClaimedSaga(row: written, signal: next), entry: entry)
  }

  private func settle(
    _ row: inout SagaRow, _ entry: inout TimelineEntry?, _ next: inout ReceivedSignal?, _ decision: SagaDecision,
    in transaction: any Transaction
  ) throws -> SagaEnding? {
    let now = decision.now
    switch result {
    case .undone:
      return row.undone(decision)
    case .unreadable(let error):
      entry = row.entry(.failed, error: error, at: now)
      row.park(error)
      return nil
    case .interrupted:
      entry = row.entry(.interrupted, error: "its process was told to end", at: now)
      if row.kind == .action { row.isInDoubt = true }
      row.rest(until: now)
      return nil
    case .failed(let error, let outcome):
      entry = row.entry(outcome, error: error, at: now)
      if row.kind == .action { return row.fail(error, decision) }
      row.failUndoing(error, decision)
      return nil
    case .outcome(.done):
      entry = row.entry(.done, at: now)
      return row.kind == .action ? row.advance(decision) : row.undone(decision)
    case .outcome(.refused(let refusal, _)):
      let text = refusal.detail.map { "\(refusal.code): \($0)" } ?? refusal.code
      entry = row.entry(.refused, error: text, at: now)
      return row.refuse(refusal, decision)
    case .outcome(.waiting(let event, let limit, _)):
      entry = row.entry(.waiting, at: now)
      let owner = row.owner
      // Whoever signals changes the row; from here on until the commit nobody does.
      _ = try transaction.rows("SELECT 1 FROM gravity_sagas WHERE id = \(row.id)" + .only(.postgresql, " FOR UPDATE"))
      next = try SagaTable.signal(event, of: row.id, notNumber: saga.signal?.number, in: transaction)
      let seconds = min(max(limit, .zero), .seconds(366 * 86_400)).inSeconds
      let ending = row.wait(for: event, until: now.addingTimeInterval(seconds), decision)
      guard row.state == .waiting, next != nil else {
        next = nil
        return ending
      }
      row.goOnWithSignal(as: owner, decision)
      return nil
    }
  }

  private func end(
    _ row: inout SagaRow, _ ending: SagaEnding, at now: Date, in transaction: any Transaction
  ) throws {
    let (data, reference) = (row.data, row.reference)
    row.data = try passingTransient({ try kind.ended(ending, data, reference, transaction) }) {
      SagaEndFailure(error: $0, ending: ending)
    }
    row.end(ending == .completed ? .completed : .compensated, at: now)
    try transaction.notify(SagaStore.ends, row.id.lowercased)
  }

  enum Order: Sendable {
    case relaxed
    case ordered(by: String)
    case serializable
  }

  /// A record of the service's own needs the order that the saga says, or that every transaction of the service has;
  /// the rest does not.
  var order: Order {
    if touchesOneSagaOnly { return .relaxed }
    guard let name = kind.orderedBy?(saga.row.reference) else { return .serializable }
    return .ordered(by: name)
  }

  private var touchesOneSagaOnly: Bool {
    guard saga.row.cancellation == nil, saga.row.kind == .action, case .outcome(let outcome) = result,
      outcome.record == nil
    else { return false }
    switch outcome {
    case .done: return saga.row.step != kind.steps.last?.name
    case .waiting: return true
    case .refused: return false
    }
  }

  /// What the database itself may do better a moment later is its own error, whoever's statement it was.
  private func passingTransient<T>(_ body: () throws -> T, _ wrap: (any Error) -> any Error) throws -> T {
    do {
      return try body()
    } catch let error as DatabaseError where error.isTransient || error.code == .closed || error.code == .readOnly {
      throw error
    } catch {
      throw wrap(error)
    }
  }
}
