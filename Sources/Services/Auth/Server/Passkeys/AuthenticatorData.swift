import Crypto
import GravityIdentity

/// What an authenticator says of itself and of what just happened (WebAuthn Level 3 §6.1).
struct AuthenticatorData: Sendable {
  struct Flags: OptionSet, Sendable {
    var rawValue: UInt8
    static let userPresent = Flags(rawValue: 1 << 0)
    static let userVerified = Flags(rawValue: 1 << 2)
    static let backupEligible = Flags(rawValue: 1 << 3)
    static let backedUp = Flags(rawValue: 1 << 4)
    static let hasCredential = Flags(rawValue: 1 << 6)
    static let hasExtensions = Flags(rawValue: 1 << 7)
  }

  struct Credential: Sendable {
    /// 1 to 1 023 bytes.
    var id: [UInt8]
    var key: CBOR
    /// ``key`` as it was written.
    var keyBytes: [UInt8]
  }

  static let greatestCredentialID = 1023

  let domainHash: [UInt8]
  let flags: Flags
  /// 0 of an authenticator that does not count.
  let signCount: UInt32
  /// Of a registration.
  let credential: Credential?

  /// - Throws: ``PasskeyFault/malformed``; also where something follows.
  init(_ bytes: [UInt8]) throws(PasskeyFault) {
    guard bytes.count >= 37 else { throw PasskeyFault.malformed }
    domainHash = Array(bytes[..<32])
    flags = Flags(rawValue: bytes[32])
    signCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
    var rest = bytes[37...]
    do throws(CBORFault) {
      credential = flags.contains(.hasCredential) ? try Self.credential(&rest) : nil
      if flags.contains(.hasExtensions) {
        var reader = CBORReader(rest)
        // None was asked for; what came unasked is not believed.
        guard try reader.item().isMap else { throw CBORFault("extensions are no map") }
        rest = reader.rest
      }
    } catch { throw PasskeyFault.malformed }
    guard rest.isEmpty else { throw PasskeyFault.malformed }
  }

  private static func credential(_ rest: inout ArraySlice<UInt8>) throws(CBORFault) -> Credential {
    // Which model made it (AAGUID), then the length of the id.
    let head = Array(rest.prefix(18))
    guard head.count == 18 else { throw CBORFault("it ends too early") }
    let count = Int(head[16]) << 8 | Int(head[17])
    rest = rest.dropFirst(18)
    guard (1...greatestCredentialID).contains(count), rest.count > count else {
      throw CBORFault("the length of the id is wrong")
    }
    let id = Array(rest.prefix(count))
    var reader = CBORReader(rest.dropFirst(count))
    let key = try reader.item()
    defer { rest = reader.rest }
    return Credential(id: id, key: key, keyBytes: Array(rest.dropFirst(count).dropLast(reader.rest.count)))
  }

  /// WebAuthn Level 3 §7.1 steps 14 to 18, §7.2 steps 15 to 19. User verification is required: only with it is a
  /// passkey as good as two factors.
  func check(for party: RelyingParty) throws(PasskeyFault) {
    guard ConstantTime.areEqual(domainHash, party.idHash) else { throw PasskeyFault.domain }
    guard flags.contains(.userPresent) else { throw PasskeyFault.notPresent }
    guard flags.contains(.userVerified) else { throw PasskeyFault.notVerified }
    guard !flags.contains(.backedUp) || flags.contains(.backupEligible) else { throw PasskeyFault.backup }
  }
}
