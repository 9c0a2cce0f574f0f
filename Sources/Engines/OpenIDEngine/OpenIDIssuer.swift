import Foundation

/// By which names a provider may call itself: one, or where it serves many tenants (Entra), one for each of them.
///
/// A template such as `https://login.microsoftonline.com/{tenantid}/v2.0` stands for the same text with a tenant's id,
/// a UUID in small letters, which a token says in `tid`, too.
struct OpenIDIssuer: Sendable {
  static let placeholder = "{tenantid}"

  /// As it was configured.
  let text: String
  private let parts: (before: String, after: String)?

  /// - Returns: nil where the placeholder stands more than once, or anywhere but in the path.
  init?(_ text: String) {
    self.text = text
    let sides = text.components(separatedBy: Self.placeholder)
    switch sides.count {
    case 1: parts = nil
    case 2 where sides[0].hasSuffix("/") && sides[0].split(separator: "/").count >= 2 && sides[1].first ?? "/" == "/":
      parts = (sides[0], sides[1])
    default: return nil
    }
  }

  var isTemplate: Bool { parts != nil }

  /// With something in the place of the tenant; the same where it has none.
  func naming(_ tenant: String) -> String { text.replacingOccurrences(of: Self.placeholder, with: tenant) }

  func matches(_ issuer: String) -> Bool { parts == nil ? issuer == text : tenant(of: issuer) != nil }

  /// Whether a token of `issuer` is what it says: the tenant in its name is the one in `tid`.
  func matches(_ issuer: String, tenant said: String?) -> Bool {
    guard isTemplate else { return issuer == text }
    return tenant(of: issuer).map { $0 == said } ?? false
  }

  /// Whether a key that names whose it is may sign for `issuer`: one of a tenant signs for that tenant alone.
  func mayKey(of owner: String?, signFor issuer: String) -> Bool {
    owner.map { $0 == text || $0 == issuer } ?? true || !isTemplate
  }

  private func tenant(of issuer: String) -> String? {
    guard let parts, issuer.hasPrefix(parts.before), issuer.hasSuffix(parts.after) else { return nil }
    let tenant = String(issuer.dropFirst(parts.before.count).dropLast(parts.after.count))
    guard tenant.utf8.count == 36, issuer == naming(tenant), tenant == tenant.lowercased(),
      UUID(uuidString: tenant) != nil
    else { return nil }
    return tenant
  }
}
