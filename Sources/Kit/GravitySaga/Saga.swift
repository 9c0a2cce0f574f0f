public import Foundation
public import GravityData

/// One kind of saga, declared by the service that drives it: steps that are done one after the other, each with what
/// undoes it.
///
/// ```swift
/// let placement = Saga<Placement>(
///   "order.placement",
///   steps: [
///     SagaStep("reserve") { attempt in
///       try await inventory.reserve(attempt.state.lines, id: attempt.state.reservation)
///       return .done()
///     } compensation: { attempt in
///       try await inventory.release(attempt.state.reservation)
///       return .done()
///     },
///     SagaStep("commit", isPivot: true) { attempt in … },
///     SagaStep("capture") { attempt in … },
///   ],
///   ended: { ending, state, saga, transaction in try OrderStore.end(saga.id, ending, in: transaction) })
/// ```
///
/// A step is tried again after a failure, perhaps in another process, and a request that timed out may still be on its
/// way: participants recognise a repeated request by an id that is in the state, and refuse one that arrives after its
/// undoing.
public struct Saga<State: Codable & Sendable>: Sendable {
  /// What happens in the transaction in which a saga ends.
  public typealias Ended =
    @Sendable (
      _ ending: SagaEnding, _ state: inout State, _ saga: SagaReference, _ transaction: any Transaction
    ) throws -> Void

  public let name: String
  public let steps: [SagaStep<State>]
  let orderedBy: (@Sendable (SagaReference) -> String)?
  let ended: Ended

  /// - Parameters:
  ///   - name: unique in the service, such as `order.placement`: 1 to 100 bytes.
  ///   - orderedBy: what the transactions of `record` and `ended` are ordered by, see `Transaction.order(by:)`: they
  ///     then read and write nothing but what belongs to that name, mostly the saga's subject. Without it they are
  ///     serializable.
  ///   - steps: 1 to 100, with different names; at most one is the pivot. A name stays what it is as long as there are
  ///     sagas that have done the step.
  ///   - ended: runs in the one transaction that ends the saga. When it throws, the saga has not ended, and it is tried
  ///     again like a step.
  public init(
    _ name: String, orderedBy: (@Sendable (SagaReference) -> String)? = nil, steps: [SagaStep<State>],
    ended: @escaping Ended = { _, _, _, _ in }
  ) {
    precondition(SagaName.isValid(name), "\"\(name)\" is no name for a saga: write it like order.placement")
    precondition((1...100).contains(steps.count), "a saga has 1 to 100 steps")
    precondition(steps.allSatisfy { SagaName.isValid($0.name) }, "a step's name is like reserve")
    precondition(Set(steps.map(\.name)).count == steps.count, "two steps of \(name) have the same name")
    precondition(steps.count(where: \.isPivot) <= 1, "\(name) has more than one pivot")
    self.name = name
    self.steps = steps
    self.orderedBy = orderedBy
    self.ended = ended
  }
}

/// How a saga ended.
public enum SagaEnding: Sendable, Hashable {
  /// Every step is done.
  case completed
  /// Everything that was done has been undone.
  case compensated(SagaRefusal)
}

/// Why a saga cannot be completed.
public struct SagaRefusal: Codable, Sendable, Hashable {
  /// For programs, such as `insufficient_stock`; at most 100 bytes are kept.
  public var code: String
  /// For people; at most 500 bytes are kept.
  public var detail: String?

  public init(code: String, detail: String? = nil) {
    self.code = code.bounded(to: 100)
    self.detail = detail?.bounded(to: 500)
  }

  /// A step before the pivot failed until its patience was over.
  public static let stepUnavailable = "step_unavailable"
}

/// Which saga it is.
public struct SagaReference: Sendable, Hashable {
  public let id: UUID
  public let name: String
  /// What it is about.
  public let subject: String
}

enum SagaName {
  /// What fits into a metric's label, a fault point and the list of steps that are done.
  static func isValid(_ name: String) -> Bool {
    (1...100).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || [0x2D, 0x2E, 0x5F].contains($0)
      }
  }
}
