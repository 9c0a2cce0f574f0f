import Crypto
import Foundation
import GravityIdentity

/// Codes from a counter (HOTP, RFC 4226) and from the time (TOTP, RFC 6238).
struct OneTimePassword: Sendable {
  enum Digest: Sendable { case sha1, sha256, sha512 }

  /// What authenticator apps expect, whatever an `otpauth` URI says otherwise.
  static let digits = 6
  /// Seconds (RFC 6238 §4.1).
  static let step: TimeInterval = 30
  /// Steps before and after the present one that are taken, for clocks that differ and people who type (§5.2).
  static let skew: Int64 = 1
  /// Bytes; what RFC 4226 §4 recommends.
  static let secretSize = 20

  let secret: [UInt8]
  var digest = Digest.sha1
  var digits = Self.digits

  /// RFC 4226 §5.3.
  func code(counter: Int64) -> String {
    let message = withUnsafeBytes(of: counter.bigEndian, Array.init)
    let key = SymmetricKey(data: secret)
    let code: [UInt8] =
      switch digest {
      case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
      case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
      case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
      }
    let offset = Int(code[code.count - 1] & 0xF)
    let number = code[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    let power = (0..<digits).reduce(UInt32(1)) { power, _ in power * 10 }
    let text = String(number % power)
    return String(repeating: "0", count: digits - text.count) + text
  }

  static func counter(at time: Date) -> Int64 { Int64((time.timeIntervalSince1970 / step).rounded(.down)) }

  /// - Returns: the step whose code it is, near `time`; the latest where it is that of several. Takes the same time for
  ///   every code.
  func step(of code: String, at time: Date) -> Int64? {
    let present = Self.counter(at: time)
    return (-Self.skew...Self.skew).map { present + $0 }.reduce(nil) { found, step in
      ConstantTime.areEqual(self.code(counter: step).utf8, code.utf8) ? step : found
    }
  }

  /// Six digits, as people type them: with a space in the middle, perhaps.
  static func normalized(_ text: String) -> String? {
    guard text.utf8.count <= 32 else { return nil }
    let code = text.filter { !$0.isWhitespace }
    return code.utf8.count == digits && code.utf8.allSatisfy { (48...57).contains($0) } ? code : nil
  }

  /// What apps read as a QR code (Google Authenticator's Key URI Format).
  func uri(issuer: String, account: String) -> String {
    func encoded(_ text: String) -> String {
      text.addingPercentEncoding(withAllowedCharacters: .init(charactersIn: Self.unreserved)) ?? ""
    }
    return "otpauth://totp/\(encoded(issuer)):\(encoded(account))?secret=\(Base32.encoded(secret))"
      + "&issuer=\(encoded(issuer))&algorithm=SHA1&digits=\(digits)&period=\(Int(Self.step))"
  }

  private static let unreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
}

/// RFC 4648 §6, without padding.
enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  static func encoded(_ bytes: some Sequence<UInt8>) -> String {
    var (text, buffer, bits) = ([UInt8](), UInt32(0), 0)
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }
}
