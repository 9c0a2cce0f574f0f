import Foundation
import GravityIdentity
import Testing

@testable import AuthServer

@Suite struct OneTimePasswordTests {
  /// The seeds of the reference implementation: ASCII digits, as many as the digest has bytes.
  private static func secret(_ size: Int) -> [UInt8] { (0..<size).map { Array("1234567890".utf8)[$0 % 10] } }

  @Test("the codes of RFC 4226 appendix D")
  func counters() {
    let codes = [
      "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
    ]
    let password = OneTimePassword(secret: Self.secret(20))
    #expect((0..<10).map { password.code(counter: $0) } == codes)
  }

  @Test(
    "the codes of RFC 6238 appendix B",
    arguments: [
      (59, "94287082", "46119246", "90693936"), (1_111_111_109, "07081804", "68084774", "25091201"),
      (1_111_111_111, "14050471", "67062674", "99943326"), (1_234_567_890, "89005924", "91819424", "93441116"),
      (2_000_000_000, "69279037", "90698825", "38618901"), (20_000_000_000, "65353130", "77737706", "47863826"),
    ] as [(Int64, String, String, String)])
  func times(_ seconds: Int64, sha1: String, sha256: String, sha512: String) {
    let counter = OneTimePassword.counter(at: Date(timeIntervalSince1970: Double(seconds)))
    func code(_ size: Int, _ digest: OneTimePassword.Digest) -> String {
      OneTimePassword(secret: Self.secret(size), digest: digest, digits: 8).code(counter: counter)
    }
    #expect(code(20, .sha1) == sha1)
    #expect(code(32, .sha256) == sha256)
    #expect(code(64, .sha512) == sha512)
  }

  @Test("a code is good for its step and the ones beside it")
  func skew() {
    let password = OneTimePassword(secret: Self.secret(20))
    let time = Date(timeIntervalSince1970: 1_234_567_890)
    let step = OneTimePassword.counter(at: time)
    for offset in Int64(-3)...3 {
      let found = password.step(of: password.code(counter: step + offset), at: time)
      #expect(found == (abs(offset) <= 1 ? step + offset : nil), "\(offset)")
    }
    #expect(password.step(of: "", at: time) == nil && password.step(of: "00000", at: time) == nil)
  }

  @Test("base32 of RFC 4648 section 10, without padding")
  func base32() {
    let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map { Base32.encoded($0.utf8) }
    #expect(encoded == ["", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"])
  }

  @Test("the address for apps is escaped")
  func address() {
    let uri = OneTimePassword(secret: Self.secret(20)).uri(issuer: "A & B", account: "o'brien:x@example.org")
    #expect(
      uri == "otpauth://totp/A%20%26%20B:o%27brien%3Ax%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        + "&issuer=A%20%26%20B&algorithm=SHA1&digits=6&period=30")
  }

  @Test("a recovery code is read as people type it, and counts for one account")
  func recoveryCode() throws {
    let code = RecoveryCode((0..<15).map { $0 * 17 })
    #expect(code.text.count == 29 && code.text.split(separator: "-").allSatisfy { $0.count == 4 })
    let typed = code.text.uppercased().replacingOccurrences(of: "-", with: " ")
    #expect(RecoveryCode(typed) == code)
    let mistaken = code.text.replacingOccurrences(of: "o", with: "0").replacingOccurrences(of: "b", with: "8")
    #expect(RecoveryCode(mistaken) == code)
    for text in ["", "123456", String(code.text.dropLast()), code.text + "a", code.text.replacing("-", with: "_")] {
      #expect(RecoveryCode(text) == nil, "\(text)")
    }
    let (key, one, other) = (MasterKey(), UUID(), UUID())
    #expect(code.hash(for: one, key) == code.hash(for: one, key))
    #expect(code.hash(for: one, key) != code.hash(for: other, key))
    #expect(code.hash(for: one, key) != code.hash(for: one, MasterKey()))
  }

  @Test("what is no code of six digits is none")
  func normalized() {
    #expect(OneTimePassword.normalized("123 456") == "123456")
    for text in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", String(repeating: " ", count: 100)] {
      #expect(OneTimePassword.normalized(text) == nil, "\(text)")
    }
  }
}
