import GravityContracts

/// Why something that should have come from an authenticator is not taken.
enum PasskeyFault: String, Error, Sendable, Hashable {
  case malformed
  case ceremony
  case challenge
  case origin
  case crossOrigin = "cross_origin"
  case domain
  case notPresent = "not_present"
  case notVerified = "not_verified"
  case backup
  case algorithm
  case key
  case signature
  case counter
  /// No such passkey, or another person's.
  case unknown

  /// For whoever adds a passkey to their own account: nothing of it is a secret of anybody else's.
  var words: String {
    switch self {
    case .malformed: "It is not what an authenticator makes."
    case .ceremony: "It was made for something else: type is another one."
    case .challenge: "Its challenge is unknown, used up or too old: ask for new options."
    case .origin: "It was made at an origin that is not one of this platform's."
    case .crossOrigin: "It was made in a frame of another site's page."
    case .domain: "It is bound to another domain."
    case .notPresent: "Nobody touched the authenticator."
    case .notVerified: "The authenticator did not verify who used it: it takes a PIN, a fingerprint or a face."
    case .backup: "What it says of its backup contradicts itself, or what it said before."
    case .algorithm: "Its algorithm is none of ES256, EdDSA and RS256."
    case .key: "Its public key is malformed or too weak."
    case .signature: "Its signature is wrong."
    case .counter: "Its counter went back."
    case .unknown: "It is not known here."
    }
  }

  /// For whoever adds one.
  var refusal: Problem { Problem(400, "invalid_passkey", "The passkey cannot be taken", detail: words) }
}
