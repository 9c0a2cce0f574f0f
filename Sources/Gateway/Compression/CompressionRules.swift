/// A ``CompressionPolicy``, ready to be held against requests and answers.
final class CompressionRules: Sendable {
  let policy: CompressionPolicy
  private enum TypePattern: Sendable {
    case whole([UInt8])
    /// `text/*`
    case kind([UInt8])
    /// `application/*+json`
    case suffix(kind: [UInt8], suffix: [UInt8])
  }
  private let types: [TypePattern]
  private static let acceptEncoding = Array("accept-encoding".utf8)
  private static let cacheControl = Array("cache-control".utf8)
  private static let contentType = Array("content-type".utf8)
  private static let contentEncoding = Array("content-encoding".utf8)
  private static let cookie = Array("cookie".utf8)
  private static let vary = Array("vary".utf8)
  private static let entityTag = Array("etag".utf8)

  /// - Throws: ``RouteError`` for a level or a type that is none.
  init(_ policy: CompressionPolicy) throws(RouteError) {
    self.policy = policy
    guard (1...9).contains(policy.gzipLevel), (0...11).contains(policy.brotliQuality) else {
      throw RouteError(description: "compression: gzip has levels 1 to 9, Brotli qualities 0 to 11")
    }
    var types: [TypePattern] = []
    for type in policy.types {
      let text = type.lowercased()
      let sides = text.split(separator: "/", omittingEmptySubsequences: false)
      guard sides.count == 2, sides.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Octet.isToken) }) else {
        throw RouteError(description: "compression: \"\(type)\" is no media type")
      }
      if sides[1] == "*" {
        types.append(.kind(Array("\(sides[0])/".utf8)))
      } else if sides[1].hasPrefix("*+") {
        types.append(.suffix(kind: Array("\(sides[0])/".utf8), suffix: Array(sides[1].dropFirst().utf8)))
      } else {
        types.append(.whole(Array(text.utf8)))
      }
    }
    self.types = types
  }

  /// What the client would take; nil where its answer is to stay as it is.
  func coding(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> ContentCoding? {
    guard !head.isVersion10, head.method != .head, !head.upgradesToWebSocket else { return nil }
    if !policy.includesPrivate {
      guard head.authorization == nil, FieldLines.first(Self.cookie, in: bytes, head.kept) == nil else { return nil }
    }
    guard !Self.lists("no-transform", Self.cacheControl, in: bytes, head.kept) else { return nil }
    var accepted = AcceptEncoding()
    FieldLines.forEach(Self.acceptEncoding, in: bytes, head.kept) { accepted.add(bytes[$0]) }
    return accepted.best(of: policy.codings)
  }

  /// What is to be done about an answer.
  struct Treatment {
    /// nil leaves the content as it is.
    var coding: ContentCoding?
    /// Lines to add, each with its CR LF.
    var lines: [UInt8] = []
  }

  /// - Parameters:
  ///   - coding: What the client would take.
  ///   - hasBody: Whether content follows.
  func treatment(
    _ head: ResponseHead, _ bytes: UnsafeRawBufferPointer, coding: ContentCoding?, hasBody: Bool
  ) -> Treatment {
    // A 304 has to vary as the 200 would (RFC 9110 §15.4.5).
    guard head.status >= 200, head.status != 204, head.status != 206, !head.isEventStream,
      head.status == 304 || takesType(head, bytes),
      FieldLines.first(Self.contentEncoding, in: bytes, head.kept) == nil,
      !Self.lists("no-transform", Self.cacheControl, in: bytes, head.kept)
    else { return Treatment() }
    if case .length(let length) = head.framing, length < policy.minimumBytes { return Treatment() }
    var treatment = Treatment()
    if !Self.lists("accept-encoding", Self.vary, in: bytes, head.kept) {
      treatment.lines += "vary: Accept-Encoding\r\n".utf8
    }
    guard let coding, hasBody, head.framing != .none else { return treatment }
    treatment.coding = coding
    treatment.lines += "content-encoding: \(coding.rawValue)\r\n".utf8
    if let tag = FieldLines.first(Self.entityTag, in: bytes, head.kept), !tag.isEmpty {
      // The octets are others than those the tag was made for; what they mean is the same (RFC 9110 §8.8.1).
      treatment.lines += bytes[tag].starts(with: "W/".utf8) ? "etag: ".utf8 : "etag: W/".utf8
      treatment.lines += bytes[tag]
      treatment.lines += "\r\n".utf8
    }
    return treatment
  }

  /// Takes out what is no longer true of coded content: its length, digests, ranges and strong tag.
  static func edit(_ head: inout ResponseHead, _ bytes: UnsafeRawBufferPointer) {
    head.kept.remove(in: bytes) { name in
      name.isEqualIgnoringCase("content-length") || name.isEqualIgnoringCase("accept-ranges")
        || name.isEqualIgnoringCase("etag") || name.isEqualIgnoringCase("content-digest")
        || name.isEqualIgnoringCase("repr-digest") || name.isEqualIgnoringCase("digest")
        || name.isEqualIgnoringCase("content-md5")
    }
  }

  private func takesType(_ head: ResponseHead, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let field = FieldLines.first(Self.contentType, in: bytes, head.kept) else { return false }
    let value = bytes[field]
    var end = 0
    while end < value.count, value[end] != Octet.semicolon { end += 1 }
    let type = value[value.trimmed(ByteRange(0, end))].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    guard type != Array("text/event-stream".utf8) else { return false }
    return types.contains { pattern in
      switch pattern {
      case .whole(let whole): type == whole
      case .kind(let kind): type.starts(with: kind)
      case .suffix(let kind, let suffix):
        type.count > kind.count + suffix.count && type.starts(with: kind) && type.suffix(suffix.count) == suffix[...]
      }
    }
  }

  /// Whether a list in the field has the member, which is written in lower case.
  private static func lists(
    _ member: StaticString, _ name: [UInt8], in bytes: UnsafeRawBufferPointer, _ fields: HeaderRuns
  ) -> Bool {
    var found = false
    FieldLines.forEach(name, in: bytes, fields) { if bytes[$0].listContains(member) { found = true } }
    return found
  }
}
