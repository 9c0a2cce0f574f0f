import Foundation
import NotificationAPI

/// What is to become of a delivery, and by which questions that was found out.
struct Decision: Sendable {
  var composition: Composition
  var trace: DecisionTrace

  func explained(_ assignment: Assignment) -> ExplainedDelivery {
    let delivery = assignment.delivery
    let sendAt = assignment.notification.sendAt.flatMap { $0 > delivery.createdAt ? $0 : nil }
    func explained(
      _ outcome: ExplainedDelivery.Outcome, _ reason: String? = nil, _ message: RenderedMessage? = nil
    ) -> ExplainedDelivery {
      ExplainedDelivery(
        channel: delivery.channel, outcome: outcome, reason: reason, sendAt: sendAt, message: message,
        steps: trace.steps)
    }
    return switch composition {
    case .message(_, let kept, _): explained(.send, nil, kept)
    case .suppressed(let reason): explained(.suppress, reason)
    case .failed(let error): explained(.retry, error)
    case .hopeless(let reason, _): explained(.deadLetter, reason)
    }
  }
}

/// Notes what was asked on a message's way, for whoever wants to know; who sends does not, and pays nothing for it.
struct DecisionTrace: Sendable {
  private let isOn: Bool
  private(set) var steps: [DecisionStep] = []

  init(isOn: Bool) { self.isOn = isOn }

  mutating func note(_ check: DecisionStep.Check, _ passed: Bool, _ detail: @autoclosure () -> String) {
    guard isOn else { return }
    steps.append(DecisionStep(check, passed: passed, detail()))
  }
}
