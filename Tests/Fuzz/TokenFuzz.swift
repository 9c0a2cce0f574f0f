import Crypto
import Foundation
import GravityContracts
import GravityIdentity

/// A token is believed only as its issuer spelt it, and only with claims that are complete and in their time.
final class TokenFuzz {
  private let key: P256.Signing.PrivateKey
  private let verifier: JWTVerifier
  private let token: String
  private let headers: [[UInt8]]
  private let payloads: [[UInt8]]
  /// What was signed last.
  private var issued = ""
  private(set) var accepted = 0

  private static let now = Date(timeIntervalSince1970: 1_800_000_000)

  init() async throws {
    key = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 7, count: 32))
    let signer = try await TokenSigner(key, keyID: "k")
    verifier = JWTVerifier(
      issuers: [
        try await .init(name: "i", audience: "a", keys: FixedKeySource(JSONWebKeySet(keys: [signer.publicKey])))
      ], revocations: nil,
      cacheCapacity: 2, now: { Self.now })
    token = try await signer.sign(
      TokenClaims(
        issuer: "i", subject: "s", audience: ["a"], issuedAt: Self.now, expiresAt: Self.now + 900, tokenID: "t",
        sessionID: "d", roles: ["user"], permissions: ["orders:read"], scope: ["orders:read"], methods: ["pwd"]))
    headers = [Array(#"{"alg":"ES256","typ":"at+jwt","kid":"k"}"#.utf8)]
    payloads = [
      #"{"iss":"i","sub":"s","aud":"a","iat":1800000000,"exp":1800000900,"jti":"t","sid":"d","ep":3}"#,
      #"{"iss":"i","sub":"s","aud":["a","b"],"iat":1800000000,"nbf":1800000000,"exp":1800000900,"jti":"t","#
        + #""roles":["user"],"permissions":["orders:*"],"scope":"orders:read a:b","amr":["pwd"],"acr":"aal2"}"#,
    ].map { Array($0.utf8) }
  }

  /// A good token with other characters, or one that says something else and is signed with the issuer's own key.
  func draw(_ random: inout Seeded) -> [UInt8] {
    if Bool.random(using: &random) { return mutate(Array(token.utf8), [Array(token.utf8)], &random) }
    var (header, payload) = (headers.randomElement(using: &random)!, payloads.randomElement(using: &random)!)
    if Bool.random(using: &random) { header = mutate(header, headers, &random) }
    payload = mutate(payload, payloads, &random)
    let signed = Data(header).base64URLEncodedString() + "." + Data(payload).base64URLEncodedString()
    guard let signature = try? key.signature(for: Data(signed.utf8)) else { fatalError("nothing can be signed") }
    let text = signed + "." + signature.rawRepresentation.base64URLEncodedString()
    issued = text
    return Array(text.utf8)
  }

  func fault(in input: [UInt8]) async -> String? {
    let text = String(decoding: input, as: UTF8.self)
    guard let principal = await believed(text) else { return nil }
    guard text == token || text == issued else { return "a token was believed in another spelling" }
    let isWhole =
      (1...255).contains(principal.subject.utf8.count) && (1...255).contains(principal.tokenID.utf8.count)
      && principal.expiresAt + JWTVerifier.leeway > Self.now && !principal.isService
    return isWhole ? nil : "a token was believed that says \(principal)"
  }

  private func believed(_ token: String) async -> Principal? {
    guard let principal = try? await verifier.verify(token) else { return nil }
    accepted += 1
    return principal
  }
}
