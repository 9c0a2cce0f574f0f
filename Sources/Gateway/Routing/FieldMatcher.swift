// Foundation is not needed: the C library gives memchr.
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A ``HeaderCondition``, checked and ready to be held against a head's bytes.
struct FieldMatcher: Sendable, Hashable {
  /// How many a route may have.
  static let maximumCount = 16

  private enum Rule: Sendable, Hashable {
    case present, absent, value, prefix
  }

  /// In lower case.
  private let name: [UInt8]
  private let rule: Rule
  /// Empty where the rule has no value.
  private let expected: [UInt8]

  /// - Throws: ``RouteError`` for what no request could fulfil, or none in a way that its service would see.
  init(_ condition: HeaderCondition, route: String) throws(RouteError) {
    name = Array(condition.name.lowercased().utf8)
    guard (1...256).contains(name.count), name.allSatisfy(Octet.isToken) else {
      throw RouteError(description: "\(route): \"\(condition.name)\" is no name of a header field")
    }
    guard Self.travelsOn(name) else {
      throw RouteError(
        description:
          "\(route): \"\(condition.name)\" never reaches a service, so no route can depend on it")
    }
    let text: String
    switch condition.rule {
    case .present: (rule, text) = (.present, "")
    case .absent: (rule, text) = (.absent, "")
    case .value(let value): (rule, text) = (.value, value)
    case .prefix(let value): (rule, text) = (.prefix, value)
    }
    expected = Array(text.utf8)
    guard rule == .value || rule == .prefix else { return }
    guard (1...4096).contains(expected.count),
      expected.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == Octet.tab })
    else {
      throw RouteError(
        description:
          "\(route): a value of \"\(condition.name)\" has 1 to 4096 bytes and no controls")
    }
    let trimmed = expected.withUnsafeBytes { $0.trimmed(ByteRange(0, $0.count)) }
    guard trimmed.start == 0, !trimmed.isEmpty, trimmed.end == expected.count || rule == .prefix
    else {
      throw RouteError(
        description: "\(route): no value of \"\(condition.name)\" has white space at its ends")
    }
  }

  /// Asks the one who decides: the reader of heads.
  private static func travelsOn(_ name: [UInt8]) -> Bool {
    let bytes = Array("GET / HTTP/1.1\r\nhost: h\r\n".utf8) + name + Array(": 1\r\n\r\n".utf8)
    return bytes.withUnsafeBytes { bytes in
      var head = RequestHead()
      do throws(HeadFault) { try head.parse(bytes, limits: HeadLimits()) } catch { return false }
      return !head.kept.runs.isEmpty
    }
  }

  func isAbout(_ other: FieldMatcher) -> Bool { name == other.name }

  /// Whether no request fulfils both.
  func excludes(_ other: FieldMatcher) -> Bool {
    guard name == other.name else { return false }
    switch (rule, other.rule) {
    case (.absent, .absent), (.present, .present): return false
    case (.absent, _), (_, .absent): return true
    case (.present, _), (_, .present): return false
    case (.value, .value): return expected != other.expected
    case (.value, .prefix): return !expected.starts(with: other.expected)
    case (.prefix, .value): return !other.expected.starts(with: expected)
    case (.prefix, .prefix):
      return !expected.starts(with: other.expected) && !other.expected.starts(with: expected)
    }
  }

  /// Whether a request fulfils it.
  ///
  /// - Parameters:
  ///   - bytes: The head.
  ///   - runs: Its header lines that travel on.
  func holds(_ bytes: UnsafeRawBufferPointer, _ runs: UnsafeBufferPointer<ByteRange>) -> Bool {
    var lines = 0
    var matched = 0
    for run in runs {
      var index = run.start
      while index < run.end {
        let next = Self.nextLine(bytes, index, run.end)
        defer { index = next }
        guard isField(bytes, index, next) else { continue }
        switch rule {
        case .present: return true
        case .absent: return false
        case .value, .prefix: break
        }
        let value = bytes.trimmed(ByteRange(index + name.count + 1, next - 2))
        if lines > 0, !takes(Octet.comma, &matched) || !takes(Octet.space, &matched) {
          return false
        }
        for position in value.start..<value.end where !takes(bytes[position], &matched) {
          return false
        }
        lines += 1
        if rule == .prefix, matched == expected.count { return true }
      }
    }
    return rule == .absent || rule == .value && lines > 0 && matched == expected.count
  }

  /// Whether the value may go on with `byte`.
  @inline(__always)
  private func takes(_ byte: UInt8, _ matched: inout Int) -> Bool {
    guard matched < expected.count else { return rule == .prefix }
    guard expected[matched] == byte else { return false }
    matched += 1
    return true
  }

  /// No name has a colon in it, so one comparison tells most lines apart.
  @inline(__always)
  private func isField(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
    let colon = start + name.count
    guard colon < end, bytes[colon] == Octet.colon else { return false }
    for index in 0..<name.count {
      let byte = bytes[start + index]
      guard (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == name[index] else { return false }
    }
    return true
  }

  /// Every line ends in CR LF: ``RequestHead`` has seen to it.
  @inline(__always)
  private static func nextLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int {
    guard let base = bytes.baseAddress,
      let found = memchr(base + start, Int32(Octet.lineFeed), end - start)
    else {
      return end
    }
    return UnsafeRawPointer(found) - base + 1
  }
}
