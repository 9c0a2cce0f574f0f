import Foundation
import GravityContracts
import NotificationAPI

/// What a webhook's fields have to be.
struct WebhookFields: Sendable {
  let policy: AddressPolicy
  /// What there is to be told of.
  let offered: [String]

  static let greatestPatterns = 50
  static let greatestURL = 2_000
  static let greatestDescription = 500

  func errors(url: String?, events: [String]?, description: String?) -> [Problem.FieldError] {
    var errors: [Problem.FieldError] = []
    func fail(_ field: String, _ code: String, _ message: String) {
      errors.append(.init(field: field, code: code, message: message))
    }
    if let url, let fault = fault(of: url) { fail("url", fault.code, fault.message) }
    if let events {
      if !(1...Self.greatestPatterns).contains(events.count) {
        fail("events", "range", "must be 1 to \(Self.greatestPatterns) patterns")
      }
      for (index, text) in events.prefix(Self.greatestPatterns).enumerated() {
        guard let pattern = EventPattern(text) else {
          fail("events.\(index)", "format", "must be a type such as order.paid.v1, order.* or *")
          continue
        }
        if !offered.contains(where: pattern.matches) {
          fail("events.\(index)", "unknown", "there are no such events; families are \(families)")
        }
      }
    }
    if let description, description.unicodeScalars.count > Self.greatestDescription || description.contains("\0") {
      fail("description", "too_long", "must have at most \(Self.greatestDescription) characters")
    }
    return errors
  }

  private var families: String {
    Set(offered.map { String($0.prefix { $0 != "." }) }).sorted().joined(separator: ", ")
  }

  private func fault(of text: String) -> (code: String, message: String)? {
    guard text.utf8.count <= Self.greatestURL, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      let url = URLComponents(string: text, encodingInvalidCharacters: false), let host = url.host, !host.isEmpty,
      url.fragment == nil
    else { return ("format", "must be a URL of at most \(Self.greatestURL) bytes without a fragment") }
    guard url.user == nil, url.password == nil else {
      return ("credentials", "must not carry a user or a password: the signature proves who sends it")
    }
    guard url.scheme?.lowercased() == "https" || policy.allowsPrivate && url.scheme?.lowercased() == "http" else {
      return ("scheme", "must be https")
    }
    // Ports of other services of a machine are nobody's webhooks.
    if let port = url.port, port != 443, !(1_024...65_535).contains(port), !policy.allowsPrivate {
      return ("port", "must be 443, or 1024 to 65535")
    }
    let name = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
    let isLocal = name == "localhost" || name.hasSuffix(".localhost")
    if !policy.allowsPrivate, isLocal || IPAddress(name).map(policy.allows) == false {
      return ("private_address", "must be reachable by everybody; private, loopback and link-local addresses are not")
    }
    return nil
  }
}
