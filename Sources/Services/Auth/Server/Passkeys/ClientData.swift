import AuthAPI
import Foundation
import GravityContracts
import GravityHTTP

/// What a browser says of where and for what an authenticator was used (WebAuthn Level 3 §5.8.1).
struct ClientData: Sendable {
  enum Ceremony: String, Sendable {
    case registration = "webauthn.create"
    case assertion = "webauthn.get"
  }

  static let challengeSize = 32

  private let fields: Fields
  /// In base64url, as it is written; nobody has said yet that it is one of ours.
  var challenge: String { fields.challenge }

  private struct Fields: Decodable, Sendable {
    var type: String
    var challenge: String
    var origin: String
    var crossOrigin: Bool?
    var topOrigin: String?
  }

  /// - Throws: ``PasskeyFault/malformed``.
  init(_ bytes: [UInt8]) throws(PasskeyFault) {
    do { fields = try StrictJSON.decode(Fields.self, from: Data(bytes)) } catch { throw PasskeyFault.malformed }
    guard Data(base64URLEncoded: fields.challenge)?.count == Self.challengeSize else { throw PasskeyFault.malformed }
  }

  /// WebAuthn Level 3 §7.1 steps 7 to 12, §7.2 steps 10 to 14, but the challenge. The page that asks is never in a
  /// frame of another site's.
  func check(_ ceremony: Ceremony, for party: RelyingParty) throws(PasskeyFault) {
    guard fields.type == ceremony.rawValue else { throw PasskeyFault.ceremony }
    guard party.origins.contains(fields.origin) else { throw PasskeyFault.origin }
    guard fields.crossOrigin != true, fields.topOrigin == nil else { throw PasskeyFault.crossOrigin }
  }
}
