import Crypto
import Foundation
import GravityContracts
public import GravityIdentity
import UserAPI

/// Signs proofs of erasures with a key that is derived from the master key, so that they can be checked as long as the
/// deployment lives.
public struct CertificateSigner: Sendable {
  static let type = "erasure-certificate+jwt"
  let issuer: String
  private let signer: TokenSigner
  private let key: JSONObject

  /// - Parameter issuer: `iss`: the platform's public address.
  /// - Throws: ``MasterKeyError``.
  public init(masterKey: MasterKey, issuer: String) async throws {
    self.issuer = issuer
    signer = try await TokenSigner(Self.key(masterKey))
    let json = try JSONEncoder().encode(signer.publicKey)
    key = try WireFormat.makeDecoder().decode(JSONObject.self, from: json)
  }

  func sign(_ certificate: ErasureCertificate) async throws -> SignedErasureCertificate {
    SignedErasureCertificate(
      certificate: certificate, jws: try await signer.sign(Claims(certificate), type: Self.type), key: key)
  }

  private static func key(_ masterKey: MasterKey) throws -> P256.Signing.PrivateKey {
    // 32 random bytes are no scalar of the curve once in 2³²; then the next ones are.
    for attempt in 0..<8 {
      let bytes = masterKey.derive("erasure-certificate-key/1/\(attempt)").withUnsafeBytes { Data($0) }
      if let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes) { return key }
    }
    throw MasterKeyError("no key for certificates of erasure can be derived")
  }

  /// What is signed: the certificate, with times and ids as the wire writes them.
  private struct Claims: Codable, Sendable {
    var iss: String
    var sub: String
    var iat: Int64
    var requestedAt: String
    var completedAt: String
    var services: JSONValue

    enum CodingKeys: String, CodingKey {
      case iss, sub, iat, services
      case requestedAt = "requested_at"
      case completedAt = "completed_at"
    }

    init(_ certificate: ErasureCertificate) throws {
      iss = certificate.issuer
      sub = certificate.userID.lowercased
      iat = Int64(certificate.completedAt.timeIntervalSince1970)
      requestedAt = WireTime.string(certificate.requestedAt)
      completedAt = WireTime.string(certificate.completedAt)
      let json = try WireFormat.makeEncoder().encode(certificate.services)
      services = try WireFormat.makeDecoder().decode(JSONValue.self, from: json)
    }
  }
}
