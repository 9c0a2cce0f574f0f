import GravityContracts

/// What webhooks may be told of: every event that a service declares, but those of the families here.
extension Catalog {
  /// How people and programs get in, and what services tell each other about erasures: nobody else's business.
  static let withheldFamilies: Set<String> = [
    "api_key", "auth", "client", "erasure", "identity", "key", "login", "mfa", "password", "role", "session", "token",
  ]

  static var offeredToWebhooks: [any EventDescription] {
    services.flatMap(\.events).filter { !withheldFamilies.contains($0.family) }
  }
}
