public import Foundation

/// Another party that says who somebody is, after they signed in there in their browser (OpenID Connect Core §3.1).
///
/// Both calls may go over the network; each request has a time-out of its own.
public protocol IdentityProvider: Sendable {
  /// By which it names itself in what it signs; with a subject it tells one person from all others. A provider of many
  /// tenants names itself by each of them: then it is what stands for all.
  var issuer: String { get }

  /// Whether an identity of `issuer` is one of this provider's.
  func issues(as issuer: String) -> Bool

  /// Where the browser goes.
  func address(toSignIn request: ProviderRequest) async throws(ProviderFailure) -> String

  /// Who it is, of what the browser came back with.
  func identity(from answer: ProviderAnswer, to request: ProviderRequest) async throws(ProviderFailure)
    -> ProviderIdentity
}

extension IdentityProvider {
  public func issues(as issuer: String) -> Bool { issuer == self.issuer }
}

/// One sign-in at a provider. The three secrets are of this one alone.
public struct ProviderRequest: Sendable, Hashable {
  public var state: String
  public var nonce: String
  /// RFC 7636 §4.1: 43 to 128 unreserved characters.
  public var codeVerifier: String
  /// Where the browser comes back to.
  public var redirectURI: String
  /// `login`, `select_account`, as a client asks for them.
  public var prompt: String?
  /// Seconds since the person last showed the provider who they are; with it, the identity has to say when that was.
  public var maximumAge: Int?

  public init(
    state: String, nonce: String, codeVerifier: String, redirectURI: String, prompt: String? = nil,
    maximumAge: Int? = nil
  ) {
    self.state = state
    self.nonce = nonce
    self.codeVerifier = codeVerifier
    self.redirectURI = redirectURI
    self.prompt = prompt
    self.maximumAge = maximumAge
  }
}

/// What the browser brought back (RFC 6749 §4.1.2, RFC 9207 §2). Nothing of it is believed yet.
public struct ProviderAnswer: Sendable, Hashable {
  public var code: String?
  public var error: String?
  public var issuer: String?

  public init(code: String?, error: String?, issuer: String?) {
    self.code = code
    self.error = error
    self.issuer = issuer
  }
}

/// Whom a provider vouches for.
public struct ProviderIdentity: Sendable, Hashable {
  public var issuer: String
  /// 1 to 255 bytes; never another person's.
  public var subject: String
  public var email: String?
  /// Whether the provider says that the address was proved to be the person's.
  public var emailIsVerified: Bool
  public var name: String?
  /// When they showed the provider who they are, where it tells.
  public var authenticatedAt: Date?

  public init(
    issuer: String, subject: String, email: String? = nil, emailIsVerified: Bool = false, name: String? = nil,
    authenticatedAt: Date? = nil
  ) {
    self.issuer = issuer
    self.subject = subject
    self.email = email
    self.emailIsVerified = emailIsVerified
    self.name = name
    self.authenticatedAt = authenticatedAt
  }
}

/// Why a provider did not say who somebody is.
public struct ProviderFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// The person, or the provider, said no.
    case denied
    /// It did not show that the person signed in as lately as was asked for.
    case stale
    /// There was no answer in time, or one that says to come back later.
    case unavailable
    /// The answer is not what it must be: another issuer, a wrong signature, a nonce of another sign-in.
    case invalid
  }
  public var code: Code
  /// For the log: no code, no token, nothing of the person.
  public var description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
