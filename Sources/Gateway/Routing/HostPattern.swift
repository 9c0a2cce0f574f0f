/// `example.org`, or `*.example.org` for every name below it.
struct HostPattern: Sendable, Hashable {
  private let name: [UInt8]
  private let matchesBelow: Bool

  init?(_ text: String) {
    let lower = text.lowercased()
    matchesBelow = lower.hasPrefix("*.")
    name = Array((matchesBelow ? lower.dropFirst(1) : lower[...]).utf8)
    let punctuation = Array("[:]".utf8)
    guard !name.isEmpty, name.allSatisfy({ Octet.isUnreserved($0) || punctuation.contains($0) }) else { return nil }
  }

  /// How narrow it is: a whole name before all that is below one, a longer name before a shorter.
  var rank: Int { matchesBelow ? name.count : .max }

  func matches(_ bytes: Span<UInt8>, _ host: ByteRange) -> Bool {
    guard matchesBelow ? host.count > name.count : host.count == name.count else { return false }
    let offset = host.end - name.count
    for index in name.indices {
      let byte = bytes[offset + index]
      guard (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == name[index] else { return false }
    }
    return true
  }
}
