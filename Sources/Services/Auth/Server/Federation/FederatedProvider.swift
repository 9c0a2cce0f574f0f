import AuthAPI
import GravityContracts

/// Another party that people may sign in with, as an operator declared it.
public struct FederatedProvider: Sendable {
  /// Stands in addresses: a small letter, then small letters, digits and dashes, at most 32.
  public let name: String
  /// What people call it: 1 to 64 characters.
  public let displayName: String
  let source: any IdentityProvider

  /// - Throws: ``AuthConfigurationError``.
  public init(name: String, displayName: String, source: any IdentityProvider) throws(AuthConfigurationError) {
    let isName =
      (1...32).contains(name.utf8.count) && name.utf8.first.map { (97...122).contains($0) } == true
      && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    guard isName else {
      throw AuthConfigurationError(
        description: "name: must be a small letter, then small letters, digits and dashes, at most 32")
    }
    guard (1...64).contains(displayName.count), PersonName.errors(in: displayName).isEmpty else {
      throw AuthConfigurationError(description: "display name: must have 1 to 64 characters, no control characters")
    }
    self.name = name
    self.displayName = displayName
    self.source = source
  }

  /// Where the browser comes back to: one address for each, so that none answers in another's place (RFC 9700 §4.4.2).
  func redirectURI(_ issuer: String) -> String {
    issuer + AuthAPI.returnFromProvider.path.replacing("{provider}", with: name)
  }
}

/// All of them, in the order in which they are shown.
struct FederatedProviders: Sendable {
  static let greatestCount = 10
  let all: [FederatedProvider]

  /// - Throws: ``AuthConfigurationError`` where two cannot be told apart, or browsers could not come back.
  init(_ all: [FederatedProvider], issuer: String) throws(AuthConfigurationError) {
    guard all.count <= Self.greatestCount else {
      throw AuthConfigurationError(description: "providers: must be at most \(Self.greatestCount)")
    }
    guard Set(all.map(\.name)).count == all.count, Set(all.map(\.source.issuer)).count == all.count else {
      throw AuthConfigurationError(description: "providers: must have names and issuers of their own")
    }
    let isAddress = ["https://", "http://"].contains { issuer.lowercased().hasPrefix($0) }
    guard all.isEmpty || isAddress else {
      throw AuthConfigurationError(
        description: "issuer: must be the platform's http or https address, to which providers send people back")
    }
    self.all = all
  }

  func find(_ name: String) throws -> FederatedProvider {
    guard let provider = all.first(where: { $0.name == name }) else {
      throw Problem(404, "unknown_provider", "There is no provider of that name here")
    }
    return provider
  }

  func find(issuer: String) -> FederatedProvider? { all.first { $0.source.issues(as: issuer) } }
}
