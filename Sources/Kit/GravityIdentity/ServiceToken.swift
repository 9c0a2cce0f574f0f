import Crypto
public import Foundation
public import GravityContracts
import Synchronization

/// Tokens by which services know each other: signed with a key that each derives from the master key, so that no service
/// asks another for it (``ServiceTokenSigner``), or issued by auth to a client (``ClientTokens``).
public enum ServiceToken {
  /// Of those that services sign themselves.
  public static let issuer = "gravity:service"
  /// Of both, and of no other token. Also what a client names as `resource` to get one (RFC 8707 §2).
  public static let audience = "gravity:service"
  /// What a client must hold to get one.
  public static let permission: Permission = "services:call"
  public static let keyID = "service-1"
  /// Seconds.
  public static let lifetime: TimeInterval = 60
}

/// Where a service has the tokens with which it calls the others.
public protocol ServiceTokens: Sendable {
  /// A token that permits just that.
  func token(permissions: [Permission]) async throws -> String
  /// A service did not take `token`: it is not to be used again.
  func refused(_ token: String)
}

/// Signs the tokens with which one service calls the others.
public struct ServiceTokenSigner: ServiceTokens {
  private let service: String
  private let signer: TokenSigner
  private let now: @Sendable () -> Date
  private let newID: @Sendable () -> String
  private let kept = KeptTokens()

  /// - Parameter service: The caller's name, which becomes the token's `sub`.
  public init(
    service: String, masterKey: MasterKey, now: @escaping @Sendable () -> Date = { Date() },
    newID: @escaping @Sendable () -> String = { UUID.v7().lowercased }
  ) async throws {
    self.service = service
    self.signer = try await TokenSigner(masterKey.serviceSigningKey(), keyID: ServiceToken.keyID)
    self.now = now
    self.newID = newID
  }

  /// A token that is good for at least half of ``ServiceToken/lifetime``.
  ///
  /// The same for whoever asks in the other half: a signature costs as much as the rest of a small request, here and
  /// once more where it is checked.
  public func token(permissions: [Permission] = []) async throws -> String {
    let time = now()
    if let token = kept.token(permissions, at: time) { return token }
    let token = try await signer.sign(
      TokenClaims(
        issuer: ServiceToken.issuer, subject: service, audience: [ServiceToken.audience], issuedAt: time,
        expiresAt: time + ServiceToken.lifetime, tokenID: newID(), permissions: permissions))
    kept.keep(token, permissions, at: time)
    return token
  }

  public func refused(_ token: String) { kept.forget(token) }
}

/// Tokens that were signed a short while ago, by what they permit.
private final class KeptTokens: Sendable {
  private struct Entry {
    var token: String
    var issuedAt: Date
  }
  private let entries = Mutex<[[Permission]: Entry]>([:])
  /// A service asks for a few sets of permissions; more than these is a mistake that must not fill the memory.
  private static let greatestCount = 64

  func token(_ permissions: [Permission], at time: Date) -> String? {
    entries.withLock { entries in
      guard let entry = entries[permissions] else { return nil }
      // A clock that was set back makes an old token look young.
      return (0..<ServiceToken.lifetime / 2).contains(time.timeIntervalSince(entry.issuedAt)) ? entry.token : nil
    }
  }

  func keep(_ token: String, _ permissions: [Permission], at time: Date) {
    entries.withLock { entries in
      if entries.count >= Self.greatestCount { entries = [:] }
      entries[permissions] = Entry(token: token, issuedAt: time)
    }
  }

  func forget(_ token: String) {
    entries.withLock { entries in entries = entries.filter { $0.value.token != token } }
  }
}

extension JWTVerifier.Issuer {
  /// The services of this deployment: their tokens, and no others, give principals that are services.
  public static func services(masterKey: MasterKey) async throws -> JWTVerifier.Issuer {
    let key = try masterKey.serviceSigningKey().publicKey
    let keys = try await FixedKeySource(JSONWebKeySet(keys: [JSONWebKey(key, keyID: ServiceToken.keyID)]))
    return JWTVerifier.Issuer(
      name: ServiceToken.issuer, audience: nil, keys: keys, serviceAudience: ServiceToken.audience)
  }
}

extension MasterKey {
  func serviceSigningKey() throws -> P256.Signing.PrivateKey {
    // 32 random bytes are no scalar of the curve once in 2³²; then the next ones are.
    for attempt in 0..<8 {
      let bytes = derive("service-signing-key/\(ServiceToken.keyID)/\(attempt)").withUnsafeBytes { Data($0) }
      if let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes) { return key }
    }
    throw MasterKeyError("no service signing key can be derived")
  }
}
