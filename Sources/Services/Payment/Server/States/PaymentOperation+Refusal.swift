import GravityContracts
import PaymentAPI

extension PaymentOperation {
  /// 409, with what is allowed instead.
  func refused(in stage: Stage, detail: String? = nil) -> Problem {
    let allowed = TransitionTable.allowed(in: stage).map(\.rawValue)
    return Problem(
      409, "invalid_state", "The payment is \(stage.status.rawValue): \(rawValue) is not possible",
      detail: detail ?? (allowed.isEmpty ? nil : "Possible: \(allowed.joined(separator: ", "))."),
      extensions: [
        "allowed": .array(allowed.map { .string($0) }), "payment_status": .string(stage.status.rawValue),
      ])
  }
}
