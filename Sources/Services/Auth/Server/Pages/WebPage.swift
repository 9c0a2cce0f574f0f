import Crypto
import Foundation
import GravityContracts

/// A page for people: plain HTML that works everywhere. Nothing can be run in it but, where it uses a passkey, the one script
/// that is named by its hash.
struct WebPage: Sendable {
  var title: String
  /// What the platform is called; nowhere where it is empty.
  var site = ""
  /// HTML; whatever came from outside went through ``escaped(_:)``.
  var body: String
  var status = 200
  /// Where its forms may lead in the end, besides here (CSP 3 §6.4.2).
  var formTarget: String?
  /// A module, which holds nothing that came from outside. It may ask for what is here.
  var script: String?

  var bytes: Data {
    Data(
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="robots" content="noindex">
      <title>\(Self.escaped(site.isEmpty ? title : "\(title) · \(site)"))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <main>
      \(site.isEmpty ? "" : "<p class=\"site\">\(Self.escaped(site))</p>")
      <h1>\(Self.escaped(title))</h1>
      \(body)
      </main>
      \(script.map { "<script type=\"module\">\($0)</script>" } ?? "")
      </body>
      </html>

      """.utf8)
  }

  /// Nothing is loaded, run, framed (clickjacking) or sent elsewhere.
  var contentSecurityPolicy: String {
    let target = formTarget.map { " \($0)" } ?? ""
    let script = script.map { " script-src '\(Self.hash($0))'; connect-src 'self';" } ?? ""
    return "default-src 'none'; style-src '\(Self.styleHash)';\(script) form-action 'self'\(target); base-uri 'none'; "
      + "frame-ancestors 'none'"
  }

  /// CSP 3 §2.3.1.
  private static func hash(_ text: String) -> String {
    "sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())"
  }

  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }

  /// Announced by screen readers as soon as the page is there, and named by the fields that it is about.
  static func alert(_ text: String?) -> String {
    text.map { "<p id=\"problem\" role=\"alert\">\(escaped($0))</p>" } ?? ""
  }

  static func hidden(_ name: String, _ value: String) -> String {
    "<input type=\"hidden\" name=\"\(name)\" value=\"\(escaped(value))\">"
  }

  private static let style = """
    :root{color-scheme:light dark}
    body{font:1rem/1.5 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh}
    main{width:min(24rem,100% - 3rem);padding:1.5rem 0}
    h1{font-size:1.4rem;line-height:1.25}
    label{display:block;margin-top:1rem;font-weight:600}
    input{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #767676;border-radius:.35rem}
    button{font:inherit;font-weight:600;padding:.6rem 1.1rem;margin:1.25rem .5rem 0 0;border-radius:.35rem;
    border:1px solid #1d4ed8;background:#1d4ed8;color:#fff;cursor:pointer}
    button.plain{background:none;color:inherit;border-color:#767676}
    :focus-visible{outline:3px solid #f59e0b;outline-offset:2px}
    [role=alert]{border-left:4px solid #b91c1c;padding:.4rem .8rem}
    .warning{border-left:4px solid #b45309;padding:.4rem .8rem}
    .code{font:600 1.4rem/1.5 ui-monospace,monospace;letter-spacing:.08em;text-transform:uppercase}
    p.code{text-align:center}
    .site{margin:0;font-weight:600;color:#595959}
    .ways{list-style:none;margin:1.75rem 0 0;padding:1.25rem 0 0;border-top:1px solid #767676}
    .ways li{margin:0 0 .6rem}
    .list{list-style:none;margin:1.25rem 0;padding:0}
    .list li{padding:.75rem 0;border-top:1px solid #767676}
    .list button{margin-top:.5rem}
    a.button{display:block;box-sizing:border-box;width:100%;padding:.6rem 1.1rem;border:1px solid #767676;
    border-radius:.35rem;font-weight:600;text-align:center;text-decoration:none;color:inherit}
    @media (prefers-color-scheme:dark){.site{color:#b3b3b3}}
    """
  private static let styleHash = hash(style)
}
