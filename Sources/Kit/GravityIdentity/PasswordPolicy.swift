public import GravityContracts
import Foundation

/// Which passwords may be chosen (NIST SP 800-63B §5.1.1.2): length in Unicode code points, and not one that is
/// guessed first. No rule about kinds of characters.
public enum PasswordPolicy {
  /// Characters: Unicode code points, each of which counts as one.
  public static let lengths = 8...128
  /// Bytes of UTF-8.
  public static let greatestSize = 1024

  /// - Parameters:
  ///   - email: The account's address, whose local part the password may not contain.
  ///   - name: The person's name, of which it may not contain a part of four characters or more.
  ///   - field: How the request calls the password.
  /// - Returns: What is wrong, for a 422; empty when nothing is.
  public static func errors(
    in password: String, email: String? = nil, name: String? = nil, field: String = "password"
  ) -> [Problem.FieldError] {
    func error(_ code: String, _ message: String) -> [Problem.FieldError] {
      [.init(field: field, code: code, message: message)]
    }
    let count = password.unicodeScalars.count
    guard count >= lengths.lowerBound else {
      return error("too_short", "must have at least \(lengths.lowerBound) characters")
    }
    guard count <= lengths.upperBound, password.utf8.count <= greatestSize else {
      return error("too_long", "must have at most \(lengths.upperBound) characters")
    }
    let folded = password.precomposedStringWithCanonicalMapping.lowercased()
    if isCommon(folded) || isMonotonous(folded) {
      return error("too_common", "is among the passwords that are guessed first")
    }
    if personalParts(email: email, name: name).contains(where: folded.contains) {
      return error("personal", "must not contain the name or the e-mail address")
    }
    return []
  }

  /// On the list, also with digits or marks around it: `password123!`.
  private static func isCommon(_ password: String) -> Bool {
    if CommonPasswords.all.contains(password) { return true }
    let core = password.drop(while: { !$0.isLetter })
    guard let last = core.lastIndex(where: \.isLetter) else { return false }
    let word = String(core[...last])
    // What is added must be short: `dragon` in twenty other characters is not a guess.
    return password.count - word.count <= 4 && CommonPasswords.all.contains(word)
  }

  /// Few different characters, a pattern again and again, or a straight run: `aaaaaaaa`, `abcabcabc`, `23456789`.
  private static func isMonotonous(_ password: String) -> Bool {
    let scalars = password.unicodeScalars.map { Int($0.value) }
    if Set(scalars).count <= 2 { return true }
    for period in 1...4 where scalars.count >= 2 * period {
      if zip(scalars, scalars.dropFirst(period)).allSatisfy({ $0 == $1 }) { return true }
    }
    let steps = zip(scalars, scalars.dropFirst()).map { $1 - $0 }
    return steps.allSatisfy { $0 == 1 } || steps.allSatisfy { $0 == -1 }
  }

  private static func personalParts(email: String?, name: String?) -> [String] {
    let local = email?.split(separator: "@").first.map { [$0.lowercased()] } ?? []
    let names = name?.lowercased().split(whereSeparator: { !$0.isLetter }).map(String.init) ?? []
    return (local + names).map(\.precomposedStringWithCanonicalMapping).filter { $0.count >= 4 }
  }
}
