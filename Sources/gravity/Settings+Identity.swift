import Foundation
import GravityDiscovery

/// How people show who they are.
extension Settings {
  static let signInProviders = Setting(
    text: "gravity.auth.providers",
    "OpenID providers that people may sign in with: a file of JSON, or the JSON itself (see auth.md)", isSecret: true)
  static let stepUpAge = Setting(
    duration: "gravity.auth.step.up.age",
    "how long ago somebody may have signed in who changes what decides over their account, takes all their data or has "
      + "them erased", standard: .seconds(600),
    in: .seconds(60)...(.seconds(3600)))

  static let serviceClient = Setting(
    text: "gravity.service.client.id",
    "the client by which services call each other; without it, by tokens that the master key signs")
  static let serviceClientSecret = Setting(
    text: "gravity.service.client.secret", "that client's secret", isSecret: true)

  static let passkeyDomain = Setting(
    text: "gravity.auth.passkey.domain",
    "what passkeys are bound to: the host of gravity.issuer, or a domain above it; the host unless it is set")
  static let passkeyOrigins = Setting<[String]>(
    "gravity.auth.passkey.origins",
    "where passkeys are used besides gravity.issuer: https addresses beneath the domain and Android apps, apart by commas",
    expected: "a list such as https://app.example.com,android:apk-key-hash:HASH"
  ) { text in
    let origins = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    return origins.isEmpty || origins.contains("") ? nil : origins
  }

  static let identity: [any AnySetting] = [
    signInProviders, stepUpAge, serviceClient, serviceClientSecret, passkeyDomain, passkeyOrigins,
  ]
}
