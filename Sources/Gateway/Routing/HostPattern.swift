/// `example.org`, or `*.example.org` for every name below it.
struct HostPattern: Sendable, Hashable {
  /// In lower case; what all names below have at their end begins with its dot.
  let name: [UInt8]
  let matchesBelow: Bool

  init?(_ text: String) {
    let lower = text.lowercased()
    matchesBelow = lower.hasPrefix("*.")
    name = Array((matchesBelow ? lower.dropFirst(1) : lower[...]).utf8)
    let punctuation = Array("[:]".utf8)
    guard !name.isEmpty, name.allSatisfy({ Octet.isUnreserved($0) || punctuation.contains($0) }) else { return nil }
  }
}
