public import GravityContracts

// What the fields of what the payment service takes may be, beyond their types.

extension FieldBounds {
  fileprivate static let id = FieldBounds.text(36...36, format: "uuid-v7")
  /// A provider's token; what looks like a card's number is refused.
  fileprivate static let paymentMethod = FieldBounds.text(1...100, format: "payment-method")
  /// For people, and no card's number in it.
  fileprivate static let reason = FieldBounds.text(1...200, pattern: #"^[^\u0000-\u001F\u007F-\u009F]+$"#)
}

extension NewPayment: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["id": .id, "payment_method": .paymentMethod] }
}

extension PaymentConfirmation: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["payment_method": .paymentMethod] }
}

extension PaymentCancel: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["reason": .reason] }
}

extension NewRefund: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["id": .id, "reason": .reason] }
}
