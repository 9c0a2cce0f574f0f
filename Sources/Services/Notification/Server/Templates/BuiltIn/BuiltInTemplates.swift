import GravityContracts
import NotificationAPI

/// The templates that need no database: version 0 of what the service sends by itself.
enum BuiltInTemplates {
  static let welcome = "welcome"
  static let orderConfirmed = "order.confirmed"
  static let orderCanceled = "order.canceled"
  static let passwordChanged = "password.changed"
  static let signInSuspicious = "sign_in.suspicious"
  static let webhookDisabled = "webhook.disabled"
  static let orderRefunded = "order.refunded"
  static let deletionRequested = "account.deletion_requested"
  static let deletionCancelled = "account.deletion_cancelled"

  /// What tells of a theft, beside what auth says by itself.
  private static let security = [
    passwordChanged, signInSuspicious, deletionRequested, deletionCancelled, "export.ready",
  ]

  static let contents: [String: TemplateContent] = [
    welcome: WelcomeTemplate.content, orderConfirmed: OrderConfirmedTemplate.content,
    orderCanceled: OrderCanceledTemplate.content, passwordChanged: PasswordChangedTemplate.content,
    signInSuspicious: SignInSuspiciousTemplate.content, webhookDisabled: WebhookDisabledTemplate.content,
    orderRefunded: OrderRefundedTemplate.content, deletionRequested: DeletionRequestedTemplate.content,
    deletionCancelled: DeletionCancelledTemplate.content,
  ].merging(AuthTemplates.contents) { own, _ in own }.merging(UserTemplates.contents) { own, _ in own }

  /// What recipients switch off; what auth says by itself is about the security of an account, and so is that somebody
  /// can download everything about it.
  static func category(_ name: String) -> MessageCategory? {
    guard contents[name] != nil else { return nil }
    if name.hasPrefix("auth.") || security.contains(name) { return .security }
    return name.hasPrefix("order.") ? .orders : .account
  }

  /// By name.
  static let names = contents.keys.sorted()

  /// - Throws: what is wrong with one of them: a mistake in the program, which a test finds.
  static func compiled() throws -> [String: CompiledTemplate] {
    try Dictionary(
      uniqueKeysWithValues: contents.map { name, content in
        (name, try CompiledTemplate(name, version: 0, content, fixed: content.variables))
      })
  }

  /// What mail programs show alike: one column, no style sheet, no image. They choose dark or light by themselves.
  static func page(_ locale: String, _ body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="\(locale)">
    <head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <meta name="color-scheme" content="light dark"></head>
    <body style="margin:0;padding:24px;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5">
    <div style="max-width:560px;margin:0 auto">
    \(body)
    </div>
    </body>
    </html>

    """
  }
}
