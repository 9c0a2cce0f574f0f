import GravityContracts
import NIOCore

/// What must hold of the codec for any bytes whatever; the fuzzer and the corpus test ask it.
public enum CodecInvariants {
  /// What was found to be broken.
  public struct Broken: Error, CustomStringConvertible {
    /// Which of them, and by what.
    public var description: String
  }

  /// Reads `bytes` as a request, a response and a chunked body, and as fields and bodies of HTTP/2.
  ///
  /// - Throws: ``Broken`` where an accepted request's rewritten head is not accepted again with the same meaning, where
  ///   the chunk scanner depends on how its input is cut, or where what HTTP/2 says becomes something else in HTTP/1.1.
  public static func check(_ bytes: [UInt8]) throws(Broken) {
    try checkRequest(bytes)
    try checkResponse(bytes)
    try checkChunks(bytes)
    try HTTP2Invariants.check(bytes)
  }

  private static func parse(_ bytes: ByteBuffer) -> RequestHead? {
    bytes.withUnsafeReadableBytes { raw in
      guard let length = (try? HeadScanner.headLength(raw)) ?? nil, length > 2 else { return nil }
      var head = RequestHead()
      guard (try? head.parse(raw[ByteRange(0, length)], limits: HeadLimits())) != nil else { return nil }
      return head
    }
  }

  private static func rewrite(_ buffer: ByteBuffer, _ head: RequestHead) -> ByteBuffer {
    var random = Counting()
    var output = ByteBuffer()
    buffer.withUnsafeReadableBytes { raw in
      let annotations = Annotations(
        trace: TraceFields(inbound: head.traceparent.map { raw[$0] }, random: &random), requestID: Array("id".utf8),
        deadlineMilliseconds: 1, identityLines: nil, fallbackHost: "service")
      RequestHeadWriter.write(head, raw, ClientAddress(nil, trusted: []), annotations, into: &output)
    }
    return output
  }

  private static func checkRequest(_ bytes: [UInt8]) throws(Broken) {
    let buffer = ByteBuffer(bytes: bytes)
    guard let head = parse(buffer) else { return }
    buffer.withUnsafeReadableBytes { look(head, $0) }
    try buffer.withUnsafeReadableBytes { (raw) throws(Broken) in try checkParameters(head.target, raw) }
    let once = rewrite(buffer, head)
    let text = String(buffer: once)
    guard let again = parse(once), again.length == once.readableBytes else {
      throw Broken(description: "a rewritten head is not accepted: \(text)")
    }
    guard again.method == head.method, again.framing == head.framing,
      again.upgradesToWebSocket == head.upgradesToWebSocket
    else { throw Broken(description: "a rewritten head means something else: \(text)") }
    let lines = text.split(separator: "\r\n").map { $0.lowercased() }
    let lengths = lines.count { $0.hasPrefix("content-length:") }
    let codings = lines.count { $0.hasPrefix("transfer-encoding:") }
    guard lengths + codings <= 1, lines.count(where: { $0.hasPrefix("host:") }) == 1,
      !lines.contains(where: { $0.hasPrefix("x-user") || $0.hasPrefix("x-gravity") })
    else { throw Broken(description: "two framings, two hosts or a claim: \(text)") }
    // Written twice, it stays what it is but for the gateway's own lines.
    guard rewrite(once, again).readableBytes >= head.target.path.count else {
      throw Broken(description: "a head shrinks: \(text)")
    }
  }

  /// A path that is said to have no parameters has none, and what is left without them is as good a path.
  private static func checkParameters(_ target: RequestTarget, _ raw: UnsafeRawBufferPointer) throws(Broken) {
    let path = raw[target.path]
    let bare = RequestTarget.withoutParameters(path)
    guard !bare.isEmpty else { return }
    let again = bare.withUnsafeBytes { try? RequestTarget.parse($0, ByteRange(0, $0.count)) }
    guard let again, !again.hasParameters, again.query.isEmpty, target.hasParameters != bare.elementsEqual(path) else {
      throw Broken(description: "a path without its parameters is none: \(String(decoding: path, as: UTF8.self))")
    }
  }

  private static func checkResponse(_ bytes: [UInt8]) throws(Broken) {
    try ByteBuffer(bytes: bytes).withUnsafeReadableBytes { (raw) throws(Broken) in
      guard let length = (try? HeadScanner.headLength(raw)) ?? nil else { return }
      var head = ResponseHead()
      guard (try? head.parse(raw[ByteRange(0, length)], limits: HeadLimits())) != nil else { return }
      var output = ByteBuffer()
      ResponseHeadWriter.writeInterim(head, raw, into: &output)
      try checkEdited(head, raw)
    }
  }

  private static let compression = try? CompressionRules(CompressionPolicy())
  private static let origins = (try? CORSPolicy(origins: ["https://*.example.org"], headers: ["*"])).map {
    CORSRules($0)
  }

  /// What routes with policies make of a head is a head again, with one framing.
  private static func checkEdited(_ original: ResponseHead, _ raw: UnsafeRawBufferPointer) throws(Broken) {
    var head = original
    guard let treatment = compression?.treatment(head, raw, coding: .br, hasBody: true), treatment.coding != nil else {
      return
    }
    CompressionRules.edit(&head, raw)
    head.kept.remove(in: raw) { $0.hasPrefixIgnoringCase("access-control-") }
    var output = ByteBuffer()
    let additions = ResponseHeadWriter.Additions(
      requestID: Array("id".utf8), closes: false, promisesKeepAlive: false, isChunked: true,
      upgradesToWebSocket: false, coding: treatment.lines)
    ResponseHeadWriter.write(head, raw, additions, into: &output)
    var again = ResponseHead()
    let isRead = output.withUnsafeReadableBytes { (try? again.parse($0, limits: HeadLimits(headerCount: 200))) != nil }
    guard isRead, again.framing == .chunked, !again.hasContentLength else {
      throw Broken(description: "an edited head is not accepted: \(String(buffer: output))")
    }
  }

  /// What routes with policies look for in a request.
  private static func look(_ head: RequestHead, _ raw: UnsafeRawBufferPointer) {
    _ = compression?.coding(head, raw)
    if let method = CORSRules.requestedMethod(head, raw) { _ = origins?.preflight(method, head, raw) }
    _ = origins?.lines(head, raw)
    for key in [Balancing.HashKey.cookie("a"), .header("host"), .pathField("id")] {
      let route = Route("r", path: "/x/{id}", service: "s", access: .public, balance: .consistentHash(by: key))
      _ = (try? HashSource(route))?.key(head, raw, client: "192.0.2.1")
    }
  }

  private static func scan(_ bytes: [UInt8], step: Int) -> (taken: Int, isOK: Bool, scanner: ChunkScanner) {
    var scanner = ChunkScanner()
    var index = 0
    while index < bytes.count {
      let end = min(bytes.count, index + step)
      let taken = bytes[index..<end].withUnsafeBytes { try? scanner.scan($0) }
      guard let taken else { return (0, false, scanner) }
      index += taken
      if taken < end - (index - taken) { break }
    }
    return (index, true, scanner)
  }

  private static func checkChunks(_ bytes: [UInt8]) throws(Broken) {
    let whole = scan(bytes, step: max(1, bytes.count))
    let pieces = scan(bytes, step: 1)
    guard whole.isOK == pieces.isOK, !whole.isOK || whole.taken == pieces.taken && whole.scanner == pieces.scanner
    else { throw Broken(description: "the chunk scanner depends on how its input is cut") }
  }

  private struct Counting: RandomNumberGenerator {
    var value: UInt64 = 1
    mutating func next() -> UInt64 {
      value &+= 0x9E37_79B9_7F4A_7C15
      return value
    }
  }
}
