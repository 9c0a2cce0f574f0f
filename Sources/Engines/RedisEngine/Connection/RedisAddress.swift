import Foundation

/// Where and as whom to connect: `redis://[user[:password]@]host[:port][/database]`, and `rediss:` for TLS.
struct RedisAddress: Sendable {
  var host: String
  var port: Int
  /// An ACL user's name; without one the password is the default user's.
  var user: String?
  var password: String?
  var database: Int
  var usesTLS: Bool
  /// A file of certificates in PEM, instead of the system's.
  var authorities: String?

  /// - Throws: ``RedisError`` with `invalid`, which never repeats the URL, since it may hold a password.
  init(_ url: String) throws(RedisError) {
    guard let components = URLComponents(string: url, encodingInvalidCharacters: false),
      let scheme = components.scheme?.lowercased(), let host = components.host, !host.isEmpty
    else {
      throw Self.invalid(
        "cannot be parsed: write it like redis://user:password@host:6379/0, and / @ : # in a name as %XX")
    }
    guard scheme == "redis" || scheme == "rediss" else {
      throw RedisError(.invalid, "a Redis URL begins with redis:// or rediss://")
    }
    usesTLS = scheme == "rediss"
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    port = components.port ?? 6379
    guard (1...65_535).contains(port) else { throw Self.invalid("has no valid port: it is 1 to 65535") }
    user = components.user.flatMap { $0.isEmpty ? nil : $0 }
    password = components.password.flatMap { $0.isEmpty ? nil : $0 }
    guard user == nil || password != nil else {
      throw Self.invalid("has a user without a password: a password alone is written redis://:password@host")
    }
    guard components.fragment == nil else { throw Self.invalid("has a # in it: write it as %23") }
    let path = components.percentEncodedPath.dropFirst()
    guard path.isEmpty || path.allSatisfy(\.isASCII) && path.allSatisfy(\.isNumber), let database = Int("0\(path)"),
      database < 1 << 20
    else { throw Self.invalid("names its database by a number, as in redis://host/0") }
    self.database = database
    for item in components.queryItems ?? [] { try apply(item) }
  }

  private mutating func apply(_ item: URLQueryItem) throws(RedisError) {
    switch item.name {
    case "cacert":
      guard usesTLS else { throw Self.invalid("has cacert, which wants rediss://") }
      guard let value = item.value, !value.isEmpty else {
        throw Self.invalid("has an empty cacert: name a file in PEM")
      }
      authorities = value
    default: throw Self.invalid("has an unknown parameter: only cacert is known")
    }
  }

  private static func invalid(_ what: String) -> RedisError { RedisError(.invalid, "the Redis URL \(what)") }
}
