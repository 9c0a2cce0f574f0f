import Foundation
import GravityContracts
import GravityHTTP
import NotificationAPI

/// A page for people, without a script, in English or German. Nothing of what was sent to us stands in it.
struct UnsubscriptionPage: Sendable {
  private let language: String
  private let title: String
  private let text: String
  private let button: String?
  private let status: Int

  /// - Parameter category: nil when the link is not good.
  init(asking category: MessageCategory?, language header: String?) {
    let isGerman = Self.isGerman(header)
    guard let category else {
      self = Self.refusal(isGerman)
      return
    }
    let name = Self.name(category, isGerman)
    self.init(
      isGerman, isGerman ? "Keine solchen E-Mails mehr?" : "No more such e-mails?",
      isGerman
        ? "Wir senden Ihnen dann keine E-Mails mehr über: \(name)." : "We will send you no more e-mails about \(name).",
      button: isGerman ? "Abbestellen" : "Unsubscribe")
  }

  init(done category: MessageCategory?, language header: String?) {
    let isGerman = Self.isGerman(header)
    guard let category else {
      self = Self.refusal(isGerman)
      return
    }
    let name = Self.name(category, isGerman)
    self.init(
      isGerman, isGerman ? "Abbestellt" : "You are unsubscribed",
      isGerman
        ? "Sie bekommen keine E-Mails mehr über: \(name). Mit einem Konto können Sie das in Ihren Einstellungen wieder "
          + "ändern."
        : "You get no more e-mails about \(name). With an account you can change that in your settings.")
  }

  private init(_ isGerman: Bool, _ title: String, _ text: String, button: String? = nil, status: Int = 200) {
    language = isGerman ? "de" : "en"
    (self.title, self.text, self.button, self.status) = (title, text, button, status)
  }

  private static func refusal(_ isGerman: Bool) -> Self {
    Self(
      isGerman, isGerman ? "Dieser Link gilt nicht" : "This link is not good",
      isGerman
        ? "Er ist zu alt oder unvollständig. Nehmen Sie den aus einer neueren E-Mail."
        : "It is too old, or not complete. Take the one of a later e-mail.", status: 404)
  }

  func reply(_ scope: RequestScope) -> Content {
    if status != 200 { scope.reply.setStatus(status) }
    scope.reply.setHeader(
      "Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    scope.reply.setHeader("X-Frame-Options", "DENY")
    scope.reply.setHeader("Cache-Control", "no-store")
    scope.reply.setHeader("Referrer-Policy", "no-referrer")
    return Content(bytes)
  }

  private var bytes: Data {
    let form = button.map { text in
      """
      <form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
      <button>\(text)</button></form>

      """
    }
    return Data(
      """
      <!doctype html>
      <html lang="\(language)">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="robots" content="noindex">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>
      </head>
      <body>
      <main>
      <h1>\(title)</h1>
      <p>\(text)</p>
      \(form ?? "")</main>
      </body>
      </html>

      """.utf8)
  }

  private static func isGerman(_ header: String?) -> Bool {
    header.map { $0.trimmingCharacters(in: .whitespaces).lowercased().hasPrefix("de") } ?? false
  }

  private static func name(_ category: MessageCategory, _ isGerman: Bool) -> String {
    switch category {
    case .security: isGerman ? "die Sicherheit Ihres Kontos" : "the security of your account"
    case .account: isGerman ? "Ihr Konto" : "your account"
    case .orders: isGerman ? "Ihre Bestellungen" : "your orders"
    case .messages: isGerman ? "Nachrichten" : "messages"
    case .recommendations: isGerman ? "Empfehlungen" : "recommendations"
    case .marketing: isGerman ? "Werbung" : "advertising"
    }
  }
}
