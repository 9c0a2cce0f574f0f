import Foundation
import GravityContracts

/// Where a browser is sent back to. What a client may register, and what matches what it registered.
struct RedirectURI: Hashable, Sendable {
  let text: String
  private let components: URLComponents
  static let greatestSize = 2000

  /// nil unless it is `https`, `http` on a loopback address (RFC 8252 §7.3), or a private-use scheme with a dot in it
  /// (§7.1); without a fragment (RFC 6749 §3.1.2), user, password, or anything that two parsers may read differently.
  init?(_ text: String) {
    guard (1...Self.greatestSize).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !Self.ambiguous.contains($0) }),
      let components = URLComponents(string: text), let scheme = components.scheme, scheme == scheme.lowercased(),
      components.user == nil, components.password == nil, components.fragment == nil
    else { return nil }
    self.text = text
    self.components = components
    switch scheme {
    case "https": guard components.host?.isEmpty == false else { return nil }
    case "http": guard isLoopbackAddress || components.host == "localhost" else { return nil }
    default:
      // A name that its maker owns, read backwards; so no `javascript`, `data` or `file`.
      guard scheme.contains("."), components.host?.contains("@") != true else { return nil }
    }
  }

  /// `"`, `<`, `>`, `\`, `^`, `` ` ``, `{`, `|`, `}`: none is allowed in a URI (RFC 3986 §2).
  private static let ambiguous: Set<UInt8> = [0x22, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D]

  /// Exactly, but for the port of a loopback address: an app takes whichever is free.
  func matches(_ registered: RedirectURI) -> Bool {
    if text == registered.text { return true }
    guard components.scheme == "http", registered.components.scheme == "http", isLoopbackAddress,
      registered.isLoopbackAddress
    else { return false }
    var (mine, theirs) = (components, registered.components)
    (mine.port, theirs.port) = (nil, nil)
    return mine.string == theirs.string
  }

  /// Whether nobody but the client's maker can receive what is sent there (RFC 8252 §8.6).
  var provesClient: Bool { components.scheme == "https" }

  /// For a page's `form-action` (CSP 3 §6.4.2): browsers apply it to where a form leads in the end, too.
  var source: String {
    guard let scheme = components.scheme, ["http", "https"].contains(scheme), let host = components.encodedHost else {
      return "\(components.scheme ?? ""):"
    }
    return "\(scheme)://\(host)\(components.port.map { ":\($0)" } ?? "")"
  }

  /// The URI with `parameters` added to its query.
  func adding(_ parameters: [(name: String, value: String)]) -> String {
    let query = FormEncoding.encoded(parameters)
    let separator = text.contains("?") ? (text.hasSuffix("?") || text.hasSuffix("&") ? "" : "&") : "?"
    return text + separator + query
  }

  private var isLoopbackAddress: Bool {
    guard let host = components.host else { return false }
    return host == "127.0.0.1" || host == "::1" || host == "[::1]"
  }
}
