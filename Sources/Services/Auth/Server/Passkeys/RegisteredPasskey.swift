import AuthAPI
import Foundation
import GravityContracts

/// A new credential whose form and whose words are right (WebAuthn Level 3 §7.1), but for the challenge, which the
/// database knows.
///
/// Attestation is asked for as `none` (§5.4.7), so a statement says nothing that would be acted on: what is in it is
/// not verified, of whichever format it is, and the credential counts as one without (§7.1 step 24, §8.7).
struct RegisteredPasskey: Sendable {
  let credentialID: [UInt8]
  let publicKey: [UInt8]
  let signCount: Int64
  let isBackupEligible: Bool
  let isBackedUp: Bool
  let transports: [String]

  init(_ credential: RegistrationCredential, _ client: ClientData, for party: RelyingParty) throws(PasskeyFault) {
    try client.check(.registration, for: party)
    guard let object = Bytes.decoded(credential.response.attestationObject, atMost: 49_152),
      let id = Bytes.decoded(credential.id, atMost: AuthenticatorData.greatestCredentialID)
    else { throw PasskeyFault.malformed }
    let attestation: CBOR
    do throws(CBORFault) { attestation = try CBOR(object) } catch { throw PasskeyFault.malformed }
    guard let format = attestation["fmt"]?.text, let statement = attestation["attStmt"],
      format != "none" || statement == .map([:]), let bytes = attestation["authData"]?.bytes
    else { throw PasskeyFault.malformed }
    let data = try AuthenticatorData(bytes)
    try data.check(for: party)
    guard let made = data.credential, made.id == id else { throw PasskeyFault.malformed }
    _ = try CredentialPublicKey(made.key)
    credentialID = made.id
    publicKey = made.keyBytes
    signCount = Int64(data.signCount)
    isBackupEligible = data.flags.contains(.backupEligible)
    isBackedUp = data.flags.contains(.backedUp)
    transports = Self.known(credential.response.transports ?? [])
  }

  /// Values that are not known are kept for browsers that know them (§5.8.4); what can be no value is dropped.
  private static func known(_ transports: [String]) -> [String] {
    let names = transports.prefix(16).filter { name in
      (1...32).contains(name.utf8.count) && name.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
    }
    return Set(names).sorted()
  }
}

/// Base64url without padding, bounded.
enum Bytes {
  static func decoded(_ text: String, atMost greatest: Int) -> [UInt8]? {
    guard text.utf8.count <= (greatest * 4 + 2) / 3, let data = Data(base64URLEncoded: text), !data.isEmpty,
      data.count <= greatest
    else { return nil }
    return Array(data)
  }
}
