import CacheStoreConformance
import NIOCore
import Testing

@testable import RedisEngine

@Suite("Replies in RESP3")
struct RESPDecoderTests {
  /// Every kind of reply, and what it means.
  static let samples: [(wire: String, value: RESPValue)] = [
    ("+OK\r\n", .string("OK")), ("+\r\n", .string("")), ("-ERR no\r\n", .error("ERR no")),
    (":0\r\n", .integer(0)), (":-9223372036854775808\r\n", .integer(.min)),
    (":+9223372036854775807\r\n", .integer(.max)),
    ("$5\r\nhe\r\no\r\n", .string("he\r\no")), ("$0\r\n\r\n", .string("")), ("$-1\r\n", .null), ("*-1\r\n", .null),
    ("_\r\n", .null), (",1.5\r\n", .double(1.5)), (",inf\r\n", .double(.infinity)), (",-inf\r\n", .double(-.infinity)),
    ("#t\r\n", .boolean(true)), ("#f\r\n", .boolean(false)), ("!7\r\nERR a\r\n\r\n", .error("ERR a\r\n")),
    ("=6\r\ntxt:hi\r\n", .string("hi")), ("(123456789012345678901\r\n", .string("123456789012345678901")),
    ("*0\r\n", .array([])),
    ("*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n", .array([.string("a"), .array([.integer(1), .array([])])])),
    ("~1\r\n:1\r\n", .array([.integer(1)])), ("%1\r\n+a\r\n%0\r\n", .map([.string("a"), .map([])])),
    (">2\r\n+message\r\n$1\r\nx\r\n", .push([.string("message"), .string("x")])),
    // An attribute says something about what follows, and is left out, also inside of something.
    ("|1\r\n+ttl\r\n:3\r\n:7\r\n", .integer(7)), ("*1\r\n|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n", .array([.integer(7)])),
  ]

  @Test("mean the same however they are split")
  func splits() throws {
    let wire = Array(Self.samples.map(\.wire).joined().utf8)
    let values = Self.samples.map(\.value)
    for size in [1, 2, 3, 5, 8, 1_000] {
      var decoder = RESPDecoder()
      var found: [RESPValue] = []
      for start in stride(from: 0, to: wire.count, by: size) {
        decoder.feed(ByteBuffer(bytes: wire[start..<min(start + size, wire.count)]))
        while let value = try decoder.next() { found.append(value) }
      }
      #expect(found == values, "\(size) bytes at a time")
    }
    // Each in two parts, at every place.
    for (text, value) in Self.samples {
      let bytes = Array(text.utf8)
      for place in 0...bytes.count {
        var decoder = RESPDecoder()
        decoder.feed(ByteBuffer(bytes: bytes[..<place]))
        let early = try decoder.next()
        #expect((early == nil) == (place < bytes.count), "\(text) at \(place)")
        decoder.feed(ByteBuffer(bytes: bytes[place...]))
        #expect(try early ?? decoder.next() == value, "\(text) at \(place)")
        #expect(try decoder.next() == nil)
      }
    }
  }

  @Test("that are none end the reading, with the reason")
  func faults() {
    for wire in [
      "x\r\n", "\r\n", ":\r\n", ":1a\r\n", ":9223372036854775808\r\n", ":--1\r\n", "$-2\r\n", "$5x\r\n", "*-2\r\n",
      "$1\r\nab\r\n", "$?\r\n", "#x\r\n", "_x\r\n", ",\r\n", ",1e999\r\n", "=3\r\ntxt\r\n", "=5\r\ntxt!a\r\n",
      "+a\rb\r\n",
      "*1\r\n>1\r\n:1\r\n", "%-1\r\n", ">-1\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
      let fault = #expect(throws: RESPFault.self, "\(wire)") {
        var decoder = RESPDecoder()
        decoder.feed(ByteBuffer(string: wire))
        while try decoder.next() != nil {}
      }
      #expect(fault?.description.isEmpty == false)
    }
  }

  @Test("are bounded in length, count, depth and sum, before memory is taken for them")
  func limits() throws {
    var limits = RESPDecoder.Limits()
    (limits.line, limits.reply, limits.elements, limits.depth) = (100, 1_000, 50, 4)
    func fault(_ wire: String) -> RESPFault? {
      var decoder = RESPDecoder(limits: limits)
      decoder.feed(ByteBuffer(string: wire))
      return #expect(throws: RESPFault.self) { while try decoder.next() != nil {} }
    }
    _ = fault("+" + String(repeating: "a", count: 101))
    _ = fault("+" + String(repeating: "a", count: 101) + "\r\n")
    _ = fault("$1001\r\n")
    _ = fault("*51\r\n")
    _ = fault("*9223372036854775807\r\n")
    _ = fault("%26\r\n")
    _ = fault("*30\r\n*21\r\n")
    _ = fault("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n")
    _ = fault("*20\r\n" + String(repeating: "$60\r\n" + String(repeating: "a", count: 60) + "\r\n", count: 20))
    // A thousand replies within the bounds are a thousand replies.
    var decoder = RESPDecoder(limits: limits)
    for _ in 0..<1_000 {
      decoder.feed(ByteBuffer(string: "*2\r\n$20\r\n" + String(repeating: "b", count: 20) + "\r\n:1\r\n"))
      #expect(try decoder.next() != nil)
    }
  }

  @Test("that are changed at random are replies or faults, and never more than that")
  func fuzz() {
    let wire = Array(Self.samples.map(\.wire).joined().utf8)
    var limits = RESPDecoder.Limits()
    (limits.line, limits.reply, limits.elements) = (200, 10_000, 100)
    var faults = 0
    for seed in 1...3_000 as ClosedRange<UInt64> {
      var random = SplitMix(state: seed)
      var bytes = wire
      for _ in 0..<(1 + random.next() % 6) {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 4 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: place)
        case 2: bytes.insert("+-:$*%>|~!=,#_(\r\n0198"[seed: random.next()], at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 40)))
        }
        if bytes.isEmpty { bytes = wire }
      }
      // What it finds does not hang on how the bytes come.
      let (whole, pieces) = (decode(bytes, bytes.count, limits), decode(bytes, 1 + Int(random.next() % 7), limits))
      #expect(whole.values == pieces.values && whole.isFault == pieces.isFault, "seed \(seed)")
      if whole.isFault { faults += 1 }
    }
    #expect(faults > 300, "the changes do harm")
  }

  private func decode(_ bytes: [UInt8], _ size: Int, _ limits: RESPDecoder.Limits) -> (
    values: [RESPValue], isFault: Bool
  ) {
    var decoder = RESPDecoder(limits: limits)
    var values: [RESPValue] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      decoder.feed(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
      do {
        while let value = try decoder.next() { values.append(value) }
      } catch {
        return (values, true)
      }
    }
    return (values, false)
  }

  @Test("a large reply in small pieces is read in one go")
  func linear() throws {
    // Reading it again from its start for each piece would be half a gigabyte.
    let count = 20_000
    var wire = ByteBuffer(string: "*\(count)\r\n")
    for _ in 0..<count { wire.writeString("$3\r\nabc\r\n") }
    var decoder = RESPDecoder()
    let start = ContinuousClock.now
    var found: RESPValue?
    while let piece = wire.readSlice(length: min(37, wire.readableBytes)), piece.readableBytes > 0 {
      decoder.feed(piece)
      found = try decoder.next()
    }
    #expect(found?.elements?.count == count)
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test("commands are arrays of strings, whatever is in them")
  func commands() throws {
    var buffer = ByteBuffer()
    let integers: [Int64] = [0, 9, 10, -1, -10, 99, 100, .max, .min]
    buffer.writeCommand(["SET", .text("ü\r\n"), .bytes([0, 255])] + integers.map { .integer($0) })
    var decoder = RESPDecoder()
    decoder.feed(buffer)
    let parts = try #require(try decoder.next()?.elements)
    #expect(parts.prefix(2).map(\.text) == ["SET", "ü\r\n"])
    #expect(parts[2].bytes == [0, 255])
    #expect(parts.dropFirst(3).map(\.text) == integers.map { String($0) })
  }
}

extension RESPValue {
  static func string(_ text: String) -> RESPValue { .string(ByteBuffer(string: text)) }
}

extension String {
  fileprivate subscript(seed seed: UInt64) -> UInt8 {
    let bytes = Array(utf8)
    return bytes[Int(seed % UInt64(bytes.count))]
  }
}
