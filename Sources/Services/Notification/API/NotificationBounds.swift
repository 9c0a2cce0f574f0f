public import GravityContracts

// What the fields of what the notification service takes may be, beyond their types.

extension FieldBounds {
  /// What something is about: printable ASCII without blanks.
  fileprivate static let about = FieldBounds.text(1...200, pattern: "^[!-~]+$")
}

extension NewNotification: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "id": .text(36...36, format: "uuid-v7"), "template": .text(1...100), "address": .email,
      "name": .text(1...200, pattern: #"^[^\u0000-\u001F\u007F-\u009F]+$"#), "locale": .languageTag, "about": .about,
      "phone": .text(8...16, pattern: "^\\+[1-9][0-9]{6,14}$"), "channels": .items(1...4, unique: true),
    ]
  }
}

extension DeadLetterRetry: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["limit": .integer(1...1000)] }
}

extension DraftWrite: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["variables": .items(0...200), "texts": .items(0...50)] }
  public static var neverNull: Set<String> { ["variables"] }
}

extension TemplatePublication: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["note": .text(0...500)] }
}

extension TemplatePreview: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["locale": .languageTag] }
}

extension NewWebhook: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "url": .webAddress(2000),
      "events": .items(1...50, each: .text(1...100, format: "event-pattern")),
      "description": .text(0...500),
    ]
  }
}

extension WebhookChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewWebhook.bounds }
}

extension WebhookRotation: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["overlap_seconds": .integer(0...604_800)] }
}

extension NewPushDevice: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["token": .text(1...4096, pattern: "^[!-~]+$"), "name": .plainText(100)]
  }
}

extension NewSuppression: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["address": .email] }
}
