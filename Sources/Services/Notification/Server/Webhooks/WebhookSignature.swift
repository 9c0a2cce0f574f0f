import Crypto
import Foundation
import GravityIdentity

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

  /// Whether it is `whsec_` and 24 to 64 bytes in base64, as Standard Webhooks wants them.
  static func isSecret(_ text: String) -> Bool {
    text.hasPrefix(prefix)
      && Data(base64Encoded: String(text.dropFirst(prefix.count))).map { (24...64).contains($0.count) } ?? false
  }

  /// Seconds that a clock may be off, or a message old.
  static let tolerance: TimeInterval = 300

  /// Whether one of `secrets` has signed it, and not long ago.
  static func isGood(
    _ header: (String) -> String?, body: Data, secrets: [String], at now: Date
  ) -> Bool {
    guard let id = header("webhook-id"), let text = header("webhook-timestamp"), let seconds = Int64(text),
      let signatures = header("webhook-signature"), signatures.utf8.count <= 4_096,
      abs(now.timeIntervalSince1970 - Double(seconds)) <= tolerance
    else { return false }
    let given = signatures.split(separator: " ").filter { $0.hasPrefix("v1,") }.compactMap {
      Data(base64Encoded: String($0.dropFirst(3)))
    }
    var isGood = false
    for secret in secrets {
      let code = Data(
        HMAC<SHA256>.authenticationCode(
          for: Data("\(id).\(seconds).".utf8) + body, using: SymmetricKey(data: key(secret))))
      for signature in given where ConstantTime.areEqual(code, signature) { isGood = true }
    }
    return isGood
  }

  private static func key(_ secret: String) -> Data {
    Data(base64Encoded: String(secret.dropFirst(prefix.count))) ?? Data(secret.utf8)
  }
}
