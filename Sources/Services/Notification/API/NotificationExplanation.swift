public import Foundation
public import GravityContracts

/// What would become of a notification.
public struct NotificationExplanation: Codable, Sendable, Hashable {
  public var template: String
  /// 0 is built in.
  public var templateVersion: Int64
  public var category: Open<MessageCategory>
  /// Whether it is sent whatever its recipient switched off.
  public var isCritical: Bool
  /// One for each channel.
  public var deliveries: [ExplainedDelivery]

  public init(
    template: String, templateVersion: Int64, category: MessageCategory, isCritical: Bool,
    deliveries: [ExplainedDelivery]
  ) {
    self.template = template
    self.templateVersion = templateVersion
    self.category = .known(category)
    self.isCritical = isCritical
    self.deliveries = deliveries
  }

  enum CodingKeys: String, CodingKey {
    case template, category, deliveries
    case templateVersion = "template_version"
    case isCritical = "is_critical"
  }
}

public struct ExplainedDelivery: Codable, Sendable, Hashable {
  public enum Outcome: String, Codable, Sendable, CaseIterable {
    /// It would be handed to the channel; what that says is not known before.
    case send
    /// It would not be sent, for ``ExplainedDelivery/reason``.
    case suppress
    /// Something is away: it would be tried again later.
    case retry
    /// Nobody could send it as it is: somebody would have to look.
    case deadLetter = "dead_letter"
  }
  public var channel: Open<DeliveryChannel>
  public var outcome: Open<Outcome>
  /// See ``Delivery/reason``; where it would be tried again, why.
  public var reason: String?
  /// When it would be sent; nil for at once.
  public var sendAt: Date?
  /// As it would be written, with dots for what only the recipient may read.
  public var message: RenderedMessage?
  /// What was asked on the way, in its order.
  public var steps: [DecisionStep]

  public init(
    channel: DeliveryChannel, outcome: Outcome, reason: String?, sendAt: Date?, message: RenderedMessage?,
    steps: [DecisionStep]
  ) {
    self.channel = .known(channel)
    self.outcome = .known(outcome)
    self.reason = reason
    self.sendAt = sendAt
    self.message = message
    self.steps = steps
  }

  enum CodingKeys: String, CodingKey {
    case channel, outcome, reason, message, steps
    case sendAt = "send_at"
  }
}

/// A question on a message's way, and its answer.
public struct DecisionStep: Codable, Sendable, Hashable {
  public enum Check: String, Codable, Sendable, CaseIterable {
    case schedule, expiry, template, recipient, preference, locale, suppression, unsubscription, channel
  }
  public var check: Open<Check>
  /// Whether the message may go on.
  public var passed: Bool
  /// In plain words.
  public var detail: String

  public init(_ check: Check, passed: Bool, _ detail: String) {
    self.check = .known(check)
    self.passed = passed
    self.detail = detail
  }
}
