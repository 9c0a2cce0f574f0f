import Foundation

/// Where and as whom to hand mail over:
/// `smtp://[user:password@]host[:587][?tls=required|optional|none][&cacert=FILE]`, and `smtps:` (port 465) for TLS from
/// the first byte on (RFC 8314 §3.3).
struct SMTPAddress: Sendable, Hashable {
  enum Encryption: String, Sendable, Hashable {
    /// From the first byte on.
    case implicit
    /// STARTTLS (RFC 3207), and no mail without it.
    case required
    /// STARTTLS where the server offers it.
    case optional
    case none
  }

  var host: String
  var port: Int
  var user: String?
  var password: String?
  var encryption: Encryption
  /// A file of certificates in PEM, instead of the system's.
  var authorities: String?

  /// - Throws: ``SMTPError`` with `configure`, which never repeats the URL, since it may hold a password.
  init(_ url: String) throws(SMTPError) {
    guard let components = URLComponents(string: url, encodingInvalidCharacters: false),
      let scheme = components.scheme?.lowercased(), let host = components.host, !host.isEmpty
    else {
      throw Self.invalid(
        "cannot be parsed: write it like smtp://user:password@host:587, and / @ : # in a name as %XX")
    }
    guard scheme == "smtp" || scheme == "smtps" else { throw Self.invalid("begins with smtp:// or smtps://") }
    encryption = scheme == "smtps" ? .implicit : .required
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    port = components.port ?? (scheme == "smtps" ? 465 : 587)
    guard (1...65_535).contains(port) else { throw Self.invalid("has no valid port: it is 1 to 65535") }
    user = components.user.flatMap { $0.isEmpty ? nil : $0 }
    password = components.password.flatMap { $0.isEmpty ? nil : $0 }
    guard (user == nil) == (password == nil) else { throw Self.invalid("needs a user and a password, or neither") }
    guard ![user, password].contains(where: { $0?.utf8.contains(0) == true }) else {
      throw Self.invalid("has a NUL in its user or password")
    }
    guard components.fragment == nil else { throw Self.invalid("has a # in it: write it as %23") }
    guard ["", "/"].contains(components.path) else { throw Self.invalid("has a path; there is none in SMTP") }
    for item in components.queryItems ?? [] { try apply(item) }
    guard password == nil || encryption != .none else {
      throw Self.invalid("has a password and tls=none: passwords go over TLS only, leave one of them out")
    }
    guard authorities == nil || encryption != .none else { throw Self.invalid("has cacert, which wants TLS") }
  }

  private mutating func apply(_ item: URLQueryItem) throws(SMTPError) {
    switch item.name {
    case "tls":
      guard encryption != .implicit else { throw Self.invalid("has tls=, but smtps:// is TLS already") }
      guard let wanted = item.value.flatMap(Encryption.init), wanted != .implicit else {
        throw Self.invalid("has a tls that is none of required, optional and none")
      }
      encryption = wanted
    case "cacert":
      guard let value = item.value, !value.isEmpty else {
        throw Self.invalid("has an empty cacert: name a file in PEM")
      }
      authorities = value
    default: throw Self.invalid("has an unknown parameter: tls and cacert are known")
    }
  }

  private static func invalid(_ what: String) -> SMTPError { SMTPError(.configure, "the SMTP URL \(what)") }
}
