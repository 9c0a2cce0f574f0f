import GravityContracts

/// Texts that mean something, and what they may look like.
extension Reader where Value == String {
  /// It stands in logs and metrics.
  static var name: Reader {
    .plainText("a name of 1 to 64 of a-z, A-Z, 0-9, ., - and _") { text in
      (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") }
    }
  }

  static var permission: Reader {
    .plainText("RESOURCE:ACTION, such as orders:read") { Permission(rawValue: $0).isWellFormed && !$0.contains("*") }
  }

  static var host: Reader {
    .plainText("a host such as api.example.org, or \"*.example.org\" for all below it") { text in
      let name = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
      return (1...253).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasSuffix(".")
        && name.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") }
    }
  }

  /// In the one form in which requests are let in.
  static var path: Reader {
    .plainText(
      "a path such as /orders/{id} or /files/**: / first, no empty segment, no . or .., nothing encoded that need not be, no ;, ? and #"
    ) { isNormal($0, isPattern: true) }
  }

  static var probePath: Reader {
    .plainText("a path such as /healthz") { isNormal($0, isPattern: false) }
  }

  private static func isNormal(_ path: String, isPattern: Bool) -> Bool {
    guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= 2_048 else { return false }
    let segments = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return segments.enumerated().allSatisfy { index, segment in
      let isLast = index == segments.count - 1
      if segment.isEmpty { return isLast }
      if isPattern, segment.elementsEqual("**".utf8) { return isLast }
      if isPattern, segment.first == UInt8(ascii: "{"), segment.last == UInt8(ascii: "}") {
        return segment.count > 2 && segment.dropFirst().dropLast().allSatisfy(isWord)
      }
      return isLiteral(Array(segment))
    }
  }

  /// RFC 3986 §3.3, without what one reader takes for something else than another.
  private static func isLiteral(_ segment: [UInt8]) -> Bool {
    guard segment != Array(".".utf8), segment != Array("..".utf8) else { return false }
    let others = Array(".~!$&'()+,=:@".utf8)
    var index = 0
    while index < segment.count {
      if segment[index] == UInt8(ascii: "%") {
        guard index + 2 < segment.count,
          let byte = UInt8(String(decoding: segment[(index + 1)...(index + 2)], as: UTF8.self), radix: 16),
          byte > 0x1F, byte != 0x7F, !isWord(byte), !"./\\~;".utf8.contains(byte)
        else { return false }
        index += 3
      } else {
        guard isWord(segment[index]) || others.contains(segment[index]) else { return false }
        index += 1
      }
    }
    return true
  }
}

private func isWord(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
    true
  default: false
  }
}

/// Where requests of a route go.
struct Upstream: Sendable, Hashable {
  /// A name or an address, an IPv6 one without brackets.
  var host: String
  var port: Int
  /// Whether it is spoken to in HTTP/2.
  var speaksHTTP2: Bool

  var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
  /// The same text for the same upstream.
  var identity: String { speaksHTTP2 ? "h2c://\(authority)" : authority }

  /// `http://host:port`, or `h2c://host:port` for HTTP/2 without TLS; without a port it is 80.
  init?(_ text: String) {
    guard let scheme = ["http://", "h2c://"].first(where: { text.hasPrefix($0) }) else { return nil }
    speaksHTTP2 = scheme == "h2c://"
    let authority = text.dropFirst(scheme.count)
    let end: Substring.Index
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]"),
        let address = IPAddress(String(authority[authority.index(after: authority.startIndex)..<bracket])),
        address.isVersion6
      else { return nil }
      host = String(authority[authority.index(after: authority.startIndex)..<bracket])
      end = authority.index(after: bracket)
    } else {
      end = authority.firstIndex(of: ":") ?? authority.endIndex
      host = authority[..<end].lowercased()
      guard (1...253).contains(host.utf8.count), host.first != ".",
        host.utf8.allSatisfy({ isWord($0) || $0 == UInt8(ascii: ".") })
      else { return nil }
    }
    let rest = authority[end...]
    guard !rest.isEmpty else {
      port = 80
      return
    }
    let digits = rest.dropFirst()
    guard rest.first == ":", !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(digits),
      (1...65_535).contains(number)
    else { return nil }
    port = number
  }
}

extension Reader where Value == Upstream {
  static var upstream: Reader {
    Reader { node, mistakes in
      let expected = "http://HOST:PORT, or h2c://HOST:PORT for HTTP/2, without a path"
      guard case .text(let text, _) = node.content, !node.isNothing else {
        mistakes.add(node.place, node.kind, expected: expected)
        return nil
      }
      guard !text.lowercased().hasPrefix("https://") else {
        mistakes.add(
          node.place, "\(quoted(text)): TLS to upstreams is not spoken",
          expected: "\(expected), or a proxy that speaks it, on this machine")
        return nil
      }
      guard let upstream = Upstream(text) else {
        mistakes.add(node.place, quoted(text), expected: expected)
        return nil
      }
      return upstream
    }
  }
}
