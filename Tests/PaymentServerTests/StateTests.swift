import Foundation
import GravityContracts
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct StateTests {
  /// What each operation leads to in each stage, written down apart from the table that decides it: `-` is refused,
  /// `=` gives the payment as it is, anything else is the stage in which the payment is afterwards, with a provider
  /// that does not answer.
  private static let expected = """
                            confirm      complete_action capture        release    cancel       refund
    requires_payment_method authorizing  -               -              -          canceled     -
    requires_confirmation   authorizing  -               -              -          canceled     -
    requires_action         -            authorizing     -              -          voiding      -
    authorizing             =            =               -              -          authorizing  -
    authorized              =            =               capturing      -          voiding      -
    capturing               =            =               =              -          capturing    -
    partly_captured         =            =               capturing_more releasing  -            partly_captured
    capturing_more          =            =               =              -          -            capturing_more
    releasing               =            =               -              =          -            releasing
    voiding                 -            -               -              -          =            -
    giving_back             -            -               -              -          =            -
    succeeded               =            =               =              =          -            succeeded
    canceled                -            -               -              -          =            -
    """

  struct Pair: Sendable, CustomTestStringConvertible {
    var stage: Stage
    var operation: PaymentOperation
    var outcome: String
    var testDescription: String { "\(operation.rawValue) while \(stage.rawValue): \(outcome)" }
  }

  static let pairs: [Pair] = {
    let lines = expected.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return lines.dropFirst().flatMap { line in
      zip(lines[0], line.dropFirst()).map {
        Pair(stage: Stage(rawValue: line[0])!, operation: PaymentOperation(rawValue: $0)!, outcome: $1)
      }
    }
  }()

  @Test("the table rules on every operation in every stage")
  func complete() {
    #expect(Self.pairs.count == Stage.allCases.count * PaymentOperation.allCases.count)
    for stage in Stage.allCases {
      for operation in PaymentOperation.allCases {
        #expect(TransitionTable.operations[stage]?[operation] != nil, "\(stage) \(operation)")
      }
      // A stage waits for the provider exactly when there is an answer that moves it on.
      let answers = TransitionTable.outcomes[stage] ?? [:]
      #expect((stage.status == .processing || stage == .requiresAction) == !answers.isEmpty, "\(stage)")
      for rows in answers.values { #expect(!rows.isEmpty) }
    }
  }

  @Test(
    "every stage × operation is as the table says, and an illegal one tells what is allowed",
    arguments: Engine.available)
  func everyPair(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for pair in Self.pairs {
        let name = Comment(rawValue: pair.testDescription)
        let id = try await payments.payment(in: pair.stage)
        let before = try await payments.row(id)
        let reply = try await payments.ask(pair.operation, id)
        let after = try await payments.row(id)
        switch pair.outcome {
        case "-":
          // A confirm with another method than the one under way is another wish.
          let problem = try WireFormat.makeDecoder().decode(Problem.self, from: Data(reply.text.utf8))
          #expect(reply.status == 409 && problem.code == "invalid_state", name)
          let allowed = Self.pairs.filter { $0.stage == pair.stage && $0.outcome != "-" && $0.outcome != "=" }
          #expect(
            problem.extensions["allowed"] == .array(allowed.map { .string($0.operation.rawValue) }), name)
          #expect(problem.extensions["payment_status"] == .string(pair.stage.status.rawValue), name)
          #expect(after == before, name)
        case "=":
          #expect(reply.status == 200, name)
          #expect(after == before, name)
        case let stage:
          #expect(reply.status == (pair.operation == .refund ? 201 : 200), name)
          #expect(after.stage.rawValue == stage, name)
          #expect(after.version > before.version, name)
          if pair.operation == .cancel { #expect(after.isCancelRequested, name) }
        }
      }
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("what was left in any stage is brought to its end once the provider answers", arguments: Engine.available)
  func endings(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let ends: [Stage: Stage] = [
        .authorizing: .authorized, .capturing: .succeeded, .capturingMore: .succeeded, .releasing: .succeeded,
        .voiding: .canceled, .givingBack: .canceled,
      ]
      for stage in Stage.allCases {
        let id = try await payments.payment(in: stage)
        payments.provider.recover()
        payments.clock.advance(3_600)
        try await payments.service.reconciler.reconcileDue()
        #expect(try await payments.row(id).stage == ends[stage] ?? stage, "\(stage)")
        let charges = try await payments.charges(of: id)
        #expect(charges.count <= 1)
        if stage == .givingBack { #expect(charges.first?.amountRefunded == charges.first?.amountCaptured) }
      }
      #expect(try await payments.balance().balanced)
    }
  }
}
