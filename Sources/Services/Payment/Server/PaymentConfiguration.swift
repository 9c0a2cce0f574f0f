public import Foundation

/// The settings of the payment service. Times are in seconds.
public struct PaymentConfiguration: Sendable, Hashable {
  /// After what time an answer of the provider counts as lost, if its call was not even recorded as such: the process
  /// died. 1 to 3 600.
  public var answerTimeout: TimeInterval = 15
  /// How long after a lost answer the provider is first asked what became of it; doubled each time. 0.01 to 60.
  public var firstReconciliation: TimeInterval = 0.5
  /// The longest of those waits; 1 to 86 400.
  public var longestReconciliation: TimeInterval = 60
  /// Keys under which providers sign what they tell by webhook, by the provider's name; the older one stays while a
  /// new one is introduced.
  public var webhookSecrets: [String: [String]] = [:]

  public init() {}

  /// - Throws: ``PaymentConfigurationError`` that names the setting and its bounds.
  public func validate() throws(PaymentConfigurationError) {
    guard (1...3_600).contains(answerTimeout) else {
      throw PaymentConfigurationError(description: "answer time-out: must be 1 to 3600 seconds")
    }
    guard (0.01...60).contains(firstReconciliation) else {
      throw PaymentConfigurationError(description: "first reconciliation: must be 0.01 to 60 seconds")
    }
    guard (1...86_400).contains(longestReconciliation) else {
      throw PaymentConfigurationError(description: "longest reconciliation: must be 1 to 86400 seconds")
    }
    guard webhookSecrets.values.allSatisfy({ $0.allSatisfy { $0.utf8.count >= 16 } }) else {
      throw PaymentConfigurationError(description: "webhook secret: must have at least 16 bytes")
    }
  }

  /// - Parameter failures: how often the provider was asked in vain.
  func reconciliationDelay(after failures: Int) -> TimeInterval {
    min(firstReconciliation * pow(2, Double(min(max(failures, 0), 40))), longestReconciliation)
  }
}

/// A setting that cannot be used. For the operator.
public struct PaymentConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}
