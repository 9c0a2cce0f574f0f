/// A well-formed language tag (BCP 47, RFC 5646 §2.1) in its usual case: `pt-BR`, `zh-Hant-TW`, `de-DE-u-co-phonebk`.
///
/// Neither grandfathered tags nor those of private use alone are taken: no program has texts in them.
struct LanguageTag: Sendable, Hashable {
  let text: String

  /// In bytes (RFC 5646 §4.4.1).
  static let greatestSize = 35

  init?(_ text: String) {
    guard (2...Self.greatestSize).contains(text.utf8.count) else { return nil }
    var parts = text.split(separator: "-", omittingEmptySubsequences: false)[...]
    guard parts.allSatisfy({ (1...8).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isAlphanumeric) }) else {
      return nil
    }
    let language = parts.removeFirst()
    guard (2...3).contains(language.utf8.count), Self.isAlphabetic(language) else { return nil }
    var kept = [language.lowercased()]
    if let script = parts.first, script.utf8.count == 4, Self.isAlphabetic(script) {
      kept.append(script.prefix(1).uppercased() + script.dropFirst().lowercased())
      parts.removeFirst()
    }
    if let region = parts.first, Self.isRegion(region) {
      kept.append(region.uppercased())
      parts.removeFirst()
    }
    var seen: Set<String> = []
    while let variant = parts.first, Self.isVariant(variant) {
      guard seen.insert(variant.lowercased()).inserted else { return nil }
      kept.append(variant.lowercased())
      parts.removeFirst()
    }
    guard let extensions = Self.extensions(parts) else { return nil }
    self.text = (kept + extensions).joined(separator: "-")
  }

  /// `u-co-phonebk`, each singleton once; `x-…` ends the tag.
  private static func extensions(_ parts: ArraySlice<Substring>) -> [String]? {
    var (rest, kept, singletons) = (parts, [String](), Set<String>())
    while let singleton = rest.popFirst()?.lowercased() {
      guard singleton.utf8.count == 1, singletons.insert(singleton).inserted else { return nil }
      let isPrivate = singleton == "x"
      let subtags = rest.prefix { isPrivate || $0.utf8.count >= 2 }
      guard !subtags.isEmpty else { return nil }
      kept += [singleton] + subtags.map { $0.lowercased() }
      rest = rest.dropFirst(subtags.count)
    }
    return kept
  }

  private static func isRegion(_ part: Substring) -> Bool {
    part.utf8.count == 2 && isAlphabetic(part) || part.utf8.count == 3 && part.utf8.allSatisfy(isDigit)
  }

  private static func isVariant(_ part: Substring) -> Bool {
    (5...8).contains(part.utf8.count) || part.utf8.count == 4 && part.utf8.first.map(isDigit) == true
  }

  private static func isAlphabetic(_ part: Substring) -> Bool {
    part.utf8.allSatisfy { isAlphanumeric($0) && !isDigit($0) }
  }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte & 0xDF)
  }
}
