import GravityContracts

/// Rates as an operator writes them.
enum OrderRates {
  /// `DE=19,CH=8.1` → millionths by country; nil unless every entry is one.
  static func taxes(_ text: String) -> [String: Int64]? {
    entries(text) { country, percent in
      guard country.utf8.count == 2, country.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else { return nil }
      let parts = percent.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard let whole = Int64(parts[0]), (0...100).contains(whole) else { return nil }
      var fraction = parts.count == 2 ? String(parts[1]) : ""
      guard fraction.utf8.count <= 4, fraction.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      fraction += String(repeating: "0", count: 4 - fraction.utf8.count)
      let millionths = whole * 10_000 + (Int64(fraction) ?? 0)
      return millionths <= 1_000_000 ? (country, millionths) : nil
    }
  }

  /// `EUR=490` → minor units by currency; nil unless every entry is one.
  static func shipping(_ text: String) -> [Currency: Int64]? {
    entries(text) { code, amount in
      guard let currency = Currency(code), let amount = Int64(amount), (0...Money.greatest).contains(amount) else {
        return nil
      }
      return (currency, amount)
    }
  }

  private static func entries<Key: Hashable>(
    _ text: String, _ read: (String, String) -> (Key, Int64)?
  ) -> [Key: Int64]? {
    var entries: [Key: Int64] = [:]
    for part in text.split(separator: ",") {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
      guard sides.count == 2, let (key, value) = read(sides[0], sides[1]), entries[key] == nil else { return nil }
      entries[key] = value
    }
    return entries
  }
}
