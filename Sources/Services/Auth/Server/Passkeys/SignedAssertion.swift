import AuthAPI
import Crypto
import Foundation
import GravityContracts

/// What an authenticator signed (WebAuthn Level 3 §7.2), but for the challenge, which the database knows.
struct SignedAssertion: Sendable {
  let credentialID: [UInt8]
  let userHandle: [UInt8]?
  let client: ClientData
  private let data: [UInt8]
  private let clientBytes: [UInt8]
  private let signature: [UInt8]

  /// - Throws: ``PasskeyFault/malformed``.
  init(_ credential: AssertionCredential) throws(PasskeyFault) {
    let response = credential.response
    guard let id = Bytes.decoded(credential.id, atMost: AuthenticatorData.greatestCredentialID),
      let client = Bytes.decoded(response.clientDataJSON, atMost: 6144),
      let data = Bytes.decoded(response.authenticatorData, atMost: 6144),
      let signature = Bytes.decoded(response.signature, atMost: 1536)
    else { throw PasskeyFault.malformed }
    credentialID = id
    (clientBytes, self.data, self.signature) = (client, data, signature)
    self.client = try ClientData(client)
    guard let handle = response.userHandle, !handle.isEmpty else {
      userHandle = nil
      return
    }
    guard let handle = Bytes.decoded(handle, atMost: 64) else { throw PasskeyFault.malformed }
    userHandle = handle
  }

  /// What it says, once it is certain that the key signed it (steps 10 to 21).
  func verified(by passkey: PasskeyRow, for party: RelyingParty) throws(PasskeyFault) -> AuthenticatorData {
    try client.check(.assertion, for: party)
    let said = try AuthenticatorData(data)
    try said.check(for: party)
    let key = try CredentialPublicKey(kept: passkey.publicKey)
    guard key.isSignature(signature, of: data + SHA256.hash(data: clientBytes)) else { throw PasskeyFault.signature }
    // It is decided when a credential is made, and stays so (§6.1.3).
    guard said.flags.contains(.backupEligible) == passkey.isBackupEligible else { throw PasskeyFault.backup }
    return said
  }
}
