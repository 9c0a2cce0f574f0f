import NotificationAPI

/// What may follow what. Everything that changes a delivery's state goes by this table.
enum DeliveryMove {
  private static let table: [DeliveryState: Set<DeliveryState>] = [
    .queued: [.sending, .suppressed],
    .sending: [.sent, .queued, .bounced, .suppressed, .deadLettered],
    .sent: [.delivered, .undelivered, .bounced],
    .deadLettered: [.queued, .suppressed],
    // For good.
    .delivered: [], .undelivered: [], .bounced: [], .suppressed: [],
  ]

  static func isLegal(from old: DeliveryState, to new: DeliveryState) -> Bool { table[old]?.contains(new) ?? false }

  /// The states from which one can get to `new`, in their order.
  static func sources(of new: DeliveryState) -> [DeliveryState] {
    DeliveryState.allCases.filter { isLegal(from: $0, to: new) }
  }
}
