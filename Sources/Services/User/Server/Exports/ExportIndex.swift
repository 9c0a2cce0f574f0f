import Foundation
import GravityContracts
import UserAPI

/// The page in an archive that says what its files are, in English or German. For people: no script, nothing from
/// elsewhere.
struct ExportIndex: Sendable {
  let profile: Profile?
  let requestedAt: Date
  let parts: [ExportedPart]

  var html: String {
    let isGerman = profile?.locale.lowercased().hasPrefix("de") == true
    let title = isGerman ? "Ihre Daten" : "Your data"
    let whose = [profile?.displayName, profile?.email].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ", ")
    let intro =
      isGerman
      ? "Dies ist eine Kopie dessen, was die Plattform über Sie gespeichert hat (DSGVO Art. 15 und 20). Jede Datei ist "
        + "JSON und lässt sich mit vielen Programmen lesen; jede Sache darin hat eine Art (kind) und Daten (data)."
      : "This is a copy of what the platform keeps about you (GDPR articles 15 and 20). Each file is JSON, which many "
        + "programs read; everything in it has a kind and data."
    let (file, content) = isGerman ? ("Datei", "Inhalt") : ("File", "What is in it")
    let rows = parts.filter { $0.service != nil }.map { part in
      let kinds = part.kinds.sorted { $0.key < $1.key }.map { "\($0.value) × \(Self.escaped($0.key))" }
      let name = Self.escaped(part.entry.name)
      return "<tr><td><a href=\"\(name)\">\(name)</a></td><td>\(kinds.isEmpty ? "–" : kinds.joined(separator: "<br>"))"
        + "</td></tr>"
    }
    return """
      <!doctype html>
      <html lang="\(isGerman ? "de" : "en")">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>
      <style>body{font-family:system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;line-height:1.5}
      table{border-collapse:collapse;width:100%}
      th,td{text-align:left;vertical-align:top;padding:.4rem;border-bottom:1px solid}</style>
      </head>
      <body>
      <h1>\(title)</h1>
      <p>\(Self.escaped(whose))<br>\(WireTime.string(requestedAt))</p>
      <p>\(intro)</p>
      <table>
      <tr><th>\(file)</th><th>\(content)</th></tr>
      \(rows.joined(separator: "\n"))
      </table>
      </body>
      </html>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
