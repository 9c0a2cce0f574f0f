import Foundation
import GravityContracts
import GravityHTTP
import UserAPI

/// Where the link of a mail leads: a page for people, without a script, in English or German, whose button gets the
/// archive. Programs that open links to look at them use nothing up.
struct ExportPage: Sendable {
  /// nil when the link is not good.
  let token: String?
  let language: String?

  func reply(_ scope: RequestScope) -> Content {
    if token == nil { scope.reply.setStatus(404) }
    scope.reply.setHeader(
      "Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    scope.reply.setHeader("X-Frame-Options", "DENY")
    scope.reply.setHeader("Cache-Control", "no-store")
    scope.reply.setHeader("Referrer-Policy", "no-referrer")
    return Content(Data(html.utf8))
  }

  private var html: String {
    let isGerman = language.map { $0.trimmingCharacters(in: .whitespaces).lowercased().hasPrefix("de") } ?? false
    let (title, text): (String, String) =
      switch (token != nil, isGerman) {
      case (true, true):
        ("Ihre Daten", "Der Link gilt einmal. Wer das Archiv hat, kann alles lesen, was darin steht.")
      case (true, false):
        ("Your data", "The link works once. Whoever has the archive can read everything in it.")
      case (false, true):
        (
          "Dieser Link gilt nicht mehr",
          "Er gilt einmal und nicht für immer. Melden Sie sich an, um das Archiv herunterzuladen, oder fordern Sie ein "
            + "neues an."
        )
      case (false, false):
        (
          "This link is not good any more",
          "It works once, and not for ever. Sign in to download the archive, or ask for another one."
        )
      }
    // A good token is base64url, so it needs no escaping.
    let form = token.map { token in
      """
      <form method="post" action="\(UserAPI.exportLink.path)"><input type="hidden" name="token" value="\(token)">
      <button>\(isGerman ? "Archiv herunterladen" : "Download the archive")</button></form>

      """
    }
    return """
      <!doctype html>
      <html lang="\(isGerman ? "de" : "en")">
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

      """
  }
}
