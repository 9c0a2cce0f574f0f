import Crypto
import Foundation

enum ES256 {
  static func isValid(_ signature: Data, of message: Data, x: Data, y: Data) -> Bool {
    guard let key = try? P256.Signing.PublicKey(x963Representation: Data([4]) + x + y),
      let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
    else { return false }
    return key.isValidSignature(signature, for: message)
  }
}
