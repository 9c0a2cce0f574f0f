public import Foundation
import GravityContracts

/// What the sign-in page, or the page before linking, goes to a provider with.
public struct ProviderStart: Codable, Sendable {
  /// By its name in the settings.
  public var provider: String
  /// What a client asked for; of the sign-in page.
  public var request: String?
  /// Of a link that its owner asked for.
  public var ticket: String?
  /// Proves that the page is ours.
  public var formToken: String?

  public init(provider: String, request: String? = nil, ticket: String? = nil, formToken: String? = nil) {
    self.provider = provider
    self.request = request
    self.ticket = ticket
    self.formToken = formToken
  }

  enum CodingKeys: String, CodingKey {
    case provider, request, ticket
    case formToken = "form_token"
  }
}

/// What a provider sends a browser back with (RFC 6749 §4.1.2, RFC 9207 §2).
public struct ProviderReturn: Codable, Sendable {
  public var provider: String
  public var code: String?
  public var state: String?
  public var iss: String?
  public var error: String?

  public init(provider: String) { self.provider = provider }
}

/// What ``IdentityLink/uri`` opens.
public struct LinkTicket: Codable, Sendable {
  public var provider: String
  public var ticket: String?
  public init(provider: String) { self.provider = provider }
}

/// A provider's account with which somebody signs in to theirs.
public struct LinkedIdentity: Codable, Sendable, Hashable {
  public var id: UUID
  /// The provider's name in the settings; nil of one that is not there any more.
  public var provider: String?
  /// What people call it.
  public var displayName: String
  /// The address that the provider told last.
  public var email: String?
  public var linkedAt: Date
  public var lastUsedAt: Date?

  public init(
    id: UUID, provider: String?, displayName: String, email: String?, linkedAt: Date, lastUsedAt: Date?
  ) {
    self.id = id
    self.provider = provider
    self.displayName = displayName
    self.email = email
    self.linkedAt = linkedAt
    self.lastUsedAt = lastUsedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, provider, email
    case displayName = "display_name"
    case linkedAt = "linked_at"
    case lastUsedAt = "last_used_at"
  }
}

/// A provider that people can sign in with here.
public struct SignInProvider: Codable, Sendable, Hashable {
  public var name: String
  public var displayName: String

  public init(name: String, displayName: String) {
    self.name = name
    self.displayName = displayName
  }

  enum CodingKeys: String, CodingKey {
    case name
    case displayName = "display_name"
  }
}

public struct LinkedIdentityList: Codable, Sendable, Hashable {
  /// By age; of each provider at most one.
  public var items: [LinkedIdentity]
  /// All that there are.
  public var providers: [SignInProvider]

  public init(items: [LinkedIdentity], providers: [SignInProvider]) {
    self.items = items
    self.providers = providers
  }
}

public struct NewLinkedIdentity: Codable, Sendable {
  /// By its name in the settings.
  public var provider: String
  public init(provider: String) { self.provider = provider }
}

/// A secret of whoever asked for it: it works once, in one browser.
public struct IdentityLink: Codable, Sendable, Hashable {
  /// To open in a browser.
  public var uri: String
  /// Seconds.
  public var expiresIn: Int

  public init(uri: String, expiresIn: Int) {
    self.uri = uri
    self.expiresIn = expiresIn
  }

  enum CodingKeys: String, CodingKey {
    case uri
    case expiresIn = "expires_in"
  }
}

public struct LinkedIdentityID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}
