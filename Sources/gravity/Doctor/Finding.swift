import Foundation

/// One thing that was looked at.
struct Finding: Sendable, Hashable, Encodable, CustomStringConvertible {
  /// What was looked at, one of few words: `postgresql`, `port`, `database`.
  var subject: String
  /// What was found.
  var what: String
  /// How to mend it, in a line; nil when it is well.
  var remedy: String?

  var isWell: Bool { remedy == nil }
  var description: String { remedy.map { "✗ \(what)\n    → \($0)" } ?? "✓ \(what)" }

  init(_ subject: String, _ what: String, remedy: String? = nil) {
    self.subject = subject
    // A server's message may have lines; a finding is one.
    self.what =
      what.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .joined(separator: " ").printable
    self.remedy = remedy
  }
}

/// What `gravity doctor --json` prints.
struct FindingList: Encodable {
  var isWell: Bool
  var findings: [Finding]

  enum CodingKeys: String, CodingKey {
    case isWell = "well"
    case findings
  }

  init(_ findings: [Finding]) {
    self.findings = findings
    isWell = findings.allSatisfy(\.isWell)
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

/// Where a server is, as its URL tells.
struct ServerHost {
  let name: String
  /// Whether what is sent to it stays on this machine.
  let isLoopback: Bool

  /// - Returns: nil for a URL without a host.
  init?(_ url: String) {
    guard let host = URLComponents(string: url)?.host, !host.isEmpty else { return nil }
    name = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
    // A path is a socket of the file system.
    isLoopback =
      name == "localhost" || name.hasSuffix(".localhost") || name == "::1" || name.hasPrefix("127.")
      || name.hasPrefix("/") || name.hasPrefix("%2f")
  }
}
