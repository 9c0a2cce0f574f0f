import Crypto
public import Foundation
import GravityContracts
import GravityIdentity

/// What came at a provider's webhook, as it came.
public struct WebhookDelivery: Sendable {
  public var body: Data
  /// The header that carries the signature: `t=1700000000,v1=…`.
  public var signature: String
  /// Keys that may have signed it.
  public var secrets: [String]
  public var now: Date

  public init(body: Data, signature: String, secrets: [String], now: Date) {
    self.body = body
    self.signature = signature
    self.secrets = secrets
    self.now = now
  }
}

/// What a webhook tells: that there is news of what was asked for under a key. What the news is, the provider is asked
/// for, so that a notice may come twice, late and in any order.
public struct ProviderNotice: Sendable, Hashable {
  public var key: String
  public init(key: String) { self.key = key }
}

/// Why a webhook's delivery is not believed.
public enum WebhookRefusal: Error, Sendable, Hashable {
  case malformedSignature
  /// None of the keys has signed it.
  case wrongSignature
  /// Signed more than ``WebhookSignature/tolerance`` ago, or from now: it may be a replay.
  case outsideTolerance
  case malformedBody
}

/// The scheme of `Stripe-Signature`: HMAC-SHA256 over `t.body`, in hex, as `t=…,v1=…`.
public enum WebhookSignature {
  /// The header in which the signature comes.
  public static let field = "Stripe-Signature"
  /// Seconds, to either side.
  public static let tolerance: TimeInterval = 300

  /// - Throws: ``WebhookRefusal``.
  public static func verify(_ delivery: WebhookDelivery) throws(WebhookRefusal) {
    guard delivery.signature.utf8.count <= 4_096 else { throw .malformedSignature }
    var (time, signatures) = (Int64?.none, [[UInt8]]())
    for part in delivery.signature.split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2 else { throw .malformedSignature }
      switch pair[0] {
      case "t": time = Int64(pair[1])
      case "v1": if let bytes = bytes(hex: pair[1]) { signatures.append(bytes) }
      // Other schemes may come; a signature of theirs is none of ours.
      default: break
      }
    }
    guard let time, !signatures.isEmpty else { throw .malformedSignature }
    // All are compared, so that the time taken does not tell which one was near.
    var isGood = false
    for secret in delivery.secrets {
      let code = Array(Self.code(of: delivery.body, at: time, secret: secret))
      for signature in signatures where ConstantTime.areEqual(code, signature) { isGood = true }
    }
    guard isGood else { throw .wrongSignature }
    guard abs(delivery.now.timeIntervalSince1970 - Double(time)) <= tolerance else { throw .outsideTolerance }
  }

  /// What a sender puts into the header.
  public static func header(for body: Data, at time: Date, secret: String) -> String {
    let seconds = Int64(time.timeIntervalSince1970)
    let code = code(of: body, at: seconds, secret: secret)
    return "t=\(seconds),v1=" + code.map { String(($0 >> 4), radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private static func code(of body: Data, at seconds: Int64, secret: String) -> some Sequence<UInt8> {
    HMAC<SHA256>.authenticationCode(
      for: Data("\(seconds).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
  }

  private static func bytes(hex text: Substring) -> [UInt8]? {
    let digits = text.utf8.map { Int(String(UnicodeScalar($0)), radix: 16) }
    guard digits.count == 64, !digits.contains(nil) else { return nil }
    return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
  }
}
