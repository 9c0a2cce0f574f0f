import NIOCore
import Testing

@testable import Gateway

@Suite("Octets put together piece by piece") struct OctetWriterTests {
  private func text(room: Int, _ body: (inout OctetWriter) -> Void) -> String {
    OctetWriter.with(room: room, body) { String(decoding: $0, as: UTF8.self) }
  }

  @Test("there is room for more than was thought likely", arguments: [0, 1, 7, 64, 4_096])
  func room(_ room: Int) {
    let written = text(room: room) { writer in
      for index in 0..<100 {
        writer.write("piece ")
        writer.writeDecimal(index)
        writer.write([0x2C])
        writer.writeHex(UInt64(index))
        writer.writeText(String(repeating: "é", count: index))
        writer.write(ByteBuffer(string: "\r\n"))
      }
    }
    let expected = (0..<100).map { index in
      let hex = String(index, radix: 16)
      return "piece \(index)," + String(repeating: "0", count: 16 - hex.count) + hex
        + String(repeating: "é", count: index) + "\r\n"
    }
    #expect(written == expected.joined())
  }

  @Test("what is written comes behind what is there")
  func append() {
    var buffer = ByteBuffer(string: "before ")
    OctetWriter.append(to: &buffer) { $0.write("and after") }
    #expect(String(buffer: buffer) == "before and after")
  }

  @Test("a number has as many digits as it is to have, and more where it needs them")
  func decimals() {
    #expect(text(room: 8) { $0.writeDecimal(0) } == "0")
    #expect(text(room: 8) { $0.writeDecimal(-5) } == "0")
    #expect(text(room: 8) { $0.writeDecimal(7, digits: 3) } == "007")
    #expect(text(room: 8) { $0.writeDecimal(12_345, digits: 3) } == "12345")
    #expect(text(room: 8) { $0.writeDecimal(.max) } == "\(Int.max)")
  }

  @Test("a buffer that is never read to its end lets go of what was read")
  func rest() {
    var kept = ByteBuffer()
    for round in 0..<500 {
      var bytes = kept
      kept = ByteBuffer()
      bytes.writeRepeatingByte(UInt8(truncatingIfNeeded: round), count: 1_000)
      bytes.moveReaderIndex(forwardBy: round == 0 ? 990 : 1_000)
      kept = bytes.rest
      #expect(kept.readableBytes == 10 && kept.storageCapacity < 4_096)
    }
    #expect(ByteBuffer(string: "all of it").rest == ByteBuffer(string: "all of it"))
  }
}
