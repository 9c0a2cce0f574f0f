import Dispatch
import Foundation
import GravityContracts
import GravityData
import Logging
import Synchronization

extension SagaRunner {
  /// Takes sagas whenever there are free slots and something due, until cancelled.
  func claimSagas() async {
    var errors = 0
    var lookAt: UInt64 = 0
    while !Task.isCancelled {
      let (owner, room) = state.withLock { ($0.owner, roomToClaim($0)) }
      do {
        let now = DispatchTime.now().uptimeNanoseconds
        if now >= lookAt || state.withLock({ $0.mayHaveLost }) {
          state.withLock { $0.mayHaveLost = false }
          lookAt = now &+ UInt64(jittered(configuration.pollInterval).inSeconds * 1e9)
          try await findLost()
        }
        guard room > 0 else {
          await work.wait(atMost: jittered(configuration.pollInterval))
          continue
        }
        let limit = min(room, configuration.batch)
        let claim = try await store.database.write { [self, chance = configuration.chance()] transaction in
          // What a shutdown has just given back is for others, and so is what an owner that is no more would take.
          if isDraining || self.owner != owner { return SagaTable.Claim() }
          return try SagaTable.claim(
            kinds, limit: limit, owner: owner, chance: chance, clock: store.clock, in: transaction)
        }
        errors = 0
        for saga in claim.sagas { begin(saga) }
        let isFull = claim.count == limit
        state.withLock { $0.hasBacklog = isFull }
        if isFull { continue }
        let poll = jittered(configuration.pollInterval)
        await work.wait(atMost: claim.next.map { min(max($0, .milliseconds(1)), poll) } ?? poll)
      } catch is CancellationError {
        return
      } catch {
        errors += 1
        lookAt = 0
        logger.warning("sagas cannot be claimed", metadata: ["error": "\(error)"])
        await work.wait(atMost: retryPause(errors))
      }
    }
  }

  /// With a backlog, a claim waits until it is worth its transaction.
  private func roomToClaim(_ state: State) -> Int {
    let room = configuration.concurrency - state.known.count
    let least = state.hasBacklog ? max(1, min(configuration.batch, configuration.concurrency / 4)) : 1
    return room >= least ? room : 0
  }

  /// Reads what is this owner's and begins it, until cancelled.
  func loadArrivals() async {
    var errors = 0
    while !Task.isCancelled {
      let (owner, ids) = state.withLock { state in
        let count = min(configuration.concurrency - state.running.count, configuration.batch, state.queue.count)
        let ids = Array(state.queue.prefix(max(0, count)))
        state.queue.removeFirst(ids.count)
        return (state.owner, ids)
      }
      if ids.isEmpty {
        await arrived.wait(atMost: .seconds(60))
        continue
      }
      do {
        let found = try await load(ids, owner)
        errors = 0
        let left = Set(ids).subtracting(found.map(\.row.id))
        state.withLock { state in
          state.known.subtract(left)
          if !left.isEmpty { state.mayHaveLost = true }
        }
        for saga in found { begin(saga) }
        if !left.isEmpty { work.raise() }
      } catch {
        state.withLock { $0.queue.insert(contentsOf: ids, at: 0) }
        if error is CancellationError { return }
        errors += 1
        logger.warning("sagas cannot be read", metadata: ["error": "\(error)"])
        await Signal().wait(atMost: retryPause(errors))
      }
    }
  }

  private func load(_ ids: [UUID], _ owner: String) async throws -> [ClaimedSaga] {
    // Few lengths make few statements to prepare.
    let length = (0...10).map { 1 << $0 }.first { $0 >= ids.count } ?? ids.count
    let padded = ids + Array(repeating: ids[0], count: max(0, length - ids.count))
    let rows: [SagaRow] = try await store.database.all(
      "SELECT \(SagaRow.columns) FROM gravity_sagas WHERE id IN \(list: padded) AND owner = \(owner)")
    var found = rows.filter(\.isFresh).map { ClaimedSaga(row: $0, signal: nil) }
    // What was begun before and then lost from sight is taken up as if another had begun it.
    for row in rows where !row.isFresh {
      guard let saga = sagas[row.name] else { continue }
      let taken = try await store.database.write { [store, chance = configuration.chance()] transaction in
        try transaction.relax()
        let decision = SagaDecision(
          saga: saga, now: try store.clock.now(transaction), chance: chance, goesOn: true)
        return try SagaTable.take(row, owner: owner, decision, in: transaction)
      }
      if let taken { found.append(taken) }
    }
    return found
  }

  /// Looks for what is this owner's though it does not know of it: a notification was lost, or how an attempt ended
  /// could not be written.
  ///
  /// Never while a claim is under way, whose sagas would seem to be such.
  private func findLost() async throws {
    let owner = owner
    enqueue(try await store.database.read { try SagaTable.owned(by: owner, in: $0) })
  }
}

extension SagaRow {
  /// Whether it was started with an owner, and nothing has happened since.
  var isFresh: Bool { version == 1 && entries == 0 }
}
