/// Reads keys of payment providers from a list such as `stripe=SECRET,stripe=OLD_SECRET`.
enum WebhookSecrets {
  private static let fewestBytes = 16

  /// - Returns: nil for what is no such list.
  static func parse(_ text: String) -> [String: [String]]? {
    var secrets: [String: [String]] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1).map { String($0) }
      guard pair.count == 2, !pair[0].isEmpty, pair[1].utf8.count >= fewestBytes else { return nil }
      secrets[pair[0], default: []].append(pair[1])
    }
    return secrets
  }
}
