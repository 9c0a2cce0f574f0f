import Foundation
import GravityContracts
import NIOCore
import Testing

@testable import Gateway

@Suite("Codec") struct CodecTests {
  static let corpus: [String] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Corpus")
    return ((try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? [])
      .map(\.path).sorted()
  }()

  @Test("every input that was ever kept holds the invariants", arguments: corpus)
  func replay(_ path: String) throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    try CodecInvariants.check(bytes)
    // Cut anywhere, it must hold too.
    for length in 0..<bytes.count { try CodecInvariants.check(Array(bytes.prefix(length))) }
  }

  @Test("the corpus is there") func corpusIsThere() { #expect(Self.corpus.count >= 20) }

  @Test("the end of a head is found however it is cut, and never beyond it")
  func headEnd() throws {
    let bytes = Array("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET".utf8)
    for length in 0...bytes.count {
      for from in 0...length {
        let found = try bytes.prefix(length).withUnsafeBytes { try HeadScanner.headLength($0, from: from) }
        if from <= 27 { #expect(found == (length >= 27 ? 27 : nil), "\(length) from \(from)") }
      }
    }
  }

  @Test("token characters are those of RFC 9110 and no others")
  func tokens() {
    let allowed = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for byte in UInt8.min...UInt8.max { #expect(Octet.isToken(byte) == allowed.contains(byte), "\(byte)") }
  }

  @Test("eight octets with a control character or DEL among them are seen, whatever the others are")
  func controls() {
    var random = Seeded(state: 9)
    let faults: [UInt8] = [0x7F, 0x1E, 0x0A, 0x0D, 0, 0x1F]
    for round in 0..<20_000 {
      // Few of them, or many, whose differences borrow from the next.
      let others: ClosedRange<UInt8> = round.isMultiple(of: 2) ? 0x20...0x7E : 0x10...0xFF
      var octets = (0..<8).map { _ in UInt8.random(in: others, using: &random) }
      octets[Int.random(in: 0..<8, using: &random)] = faults[round % faults.count]
      let word = octets.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard HeadScanner.hasControl(word) else {
        Issue.record("\(octets)")
        return
      }
    }
  }

  @Test("a control character or DEL anywhere in a value is refused, a tab and high octets are not")
  func values() {
    for byte in UInt8.min...UInt8.max where byte != 0x0A {
      for offset in 0..<20 {
        var value = [UInt8](repeating: 0x61, count: 21)
        value[offset] = byte
        let line = Array("x: ".utf8) + value + Array("\r\n\r\n".utf8)
        let read = line.withUnsafeBytes { try? HeadScanner.line($0, at: 0) }
        let isAllowed = byte == 0x09 || byte >= 0x20 && byte != 0x7F
        #expect((read != nil) == isAllowed, "\(byte) at \(offset)")
      }
    }
  }

  @Test("a path is known to have parameters, and what it is without them")
  func parameters() throws {
    let paths = [
      ("/a;v=1/b", "/a/b"), ("/a;/b;x/", "/a/b/"), ("/a%3Bx%2Cy/b", "/a/b"), ("/a%3b", "/a"), ("/a.;b", "/a."),
      ("/a%3A/b", nil), ("/a/b", nil), ("/a?b;c", nil),
    ]
    for (path, bare) in paths {
      try Array(path.utf8).withUnsafeBytes { bytes in
        let target = try RequestTarget.parse(bytes, ByteRange(0, bytes.count))
        #expect(target.hasParameters == (bare != nil), "\(path)")
        let without = RequestTarget.withoutParameters(bytes[target.path])
        #expect(bare == nil || without == Array(bare!.utf8), "\(path)")
      }
    }
  }

  @Test("a chunked body is counted without its framing, over any cut")
  func chunks() throws {
    let bytes = Array("3;x\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n".utf8)
    for cut in 0...bytes.count {
      var scanner = ChunkScanner()
      _ = try bytes.prefix(cut).withUnsafeBytes { try scanner.scan($0) }
      _ = try bytes.dropFirst(cut).withUnsafeBytes { try scanner.scan($0) }
      #expect(scanner.isAtTrailers && scanner.contentBytes == 19)
    }
  }

  @Test("CIDR blocks hold their addresses and no others")
  func blocks() throws {
    let ten = try #require(CIDR("10.0.0.0/8")), six = try #require(CIDR("2001:db8::/33"))
    let all = try #require(CIDR("0.0.0.0/0"))
    #expect(ten.contains(IPAddress("10.255.0.1")!) && !ten.contains(IPAddress("11.0.0.1")!))
    #expect(six.contains(IPAddress("2001:db8:7fff::1")!) && !six.contains(IPAddress("2001:db8:8000::1")!))
    #expect(all.contains(IPAddress("1.2.3.4")!) && !all.contains(IPAddress("::1")!))
    #expect(CIDR("10.0.0.0/33") == nil && CIDR("x") == nil && CIDR("1.2.3.4/") == nil)
  }
}
