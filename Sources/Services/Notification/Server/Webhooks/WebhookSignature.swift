import Crypto
import Foundation

/// The signature of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`.
enum WebhookSignature {
  private static let prefix = "whsec_"
  private static let secretSize = 32

  /// - Parameter bytes: ``secretSize`` that nobody can guess.
  static func secret(_ bytes: [UInt8]) -> String { prefix + Data(bytes).base64EncodedString() }

  static func newSecret() -> String {
    secret(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
  }

  /// - Parameter secrets: Each makes a signature; a receiver takes the message when one of them is good.
  static func headers(_ id: String, at time: Date, body: [UInt8], secrets: [String]) -> [String: String] {
    let seconds = Int64(time.timeIntervalSince1970)
    let signatures = secrets.map { secret in
      let code = HMAC<SHA256>.authenticationCode(
        for: Data("\(id).\(seconds).".utf8) + body, using: SymmetricKey(data: key(secret)))
      return "v1,\(Data(code).base64EncodedString())"
    }
    return [
      "webhook-id": id, "webhook-timestamp": "\(seconds)", "webhook-signature": signatures.joined(separator: " "),
    ]
  }

  private static func key(_ secret: String) -> Data {
    Data(base64Encoded: String(secret.dropFirst(prefix.count))) ?? Data(secret.utf8)
  }
}
