/// The tokens that the simulator knows, and what comes of each.
enum SimulatorMethod: String, Sendable, Hashable, CaseIterable {
  case approve = "pm_sim_approve"
  case declineInsufficientFunds = "pm_sim_decline_insufficient_funds"
  case declineExpiredCard = "pm_sim_decline_expired_card"
  /// The payer has to pass a challenge first (3-D Secure).
  case requiresAction = "pm_sim_requires_action"
  /// It succeeds, and the answer never comes.
  case timeout = "pm_sim_timeout"
  /// The answer never comes either, and it succeeds only a while later.
  case lateSuccess = "pm_sim_late_success"

  /// Whether whoever asks for the money waits in vain.
  var losesAnswer: Bool {
    switch self {
    case .timeout, .lateSuccess: true
    case .approve, .declineInsufficientFunds, .declineExpiredCard, .requiresAction: false
    }
  }

  var refusal: ProviderRefusal? {
    switch self {
    case .declineInsufficientFunds:
      ProviderRefusal(code: "insufficient_funds", message: "There is not enough money on the account.")
    case .declineExpiredCard: ProviderRefusal(code: "expired_card", message: "The card has expired.")
    case .approve, .requiresAction, .timeout, .lateSuccess: nil
    }
  }
}
