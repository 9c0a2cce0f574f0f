import GravityContracts
import Testing

@Suite("IP addresses") struct IPAddressTests {
  @Test(
    "an address has one value however it is written",
    arguments: [
      ("192.0.2.1", "::ffff:192.0.2.1"), ("192.0.2.1", "::FFFF:c000:201"), ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
      ("::", "0:0:0:0:0:0:0:0"), ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ])
  func equal(_ one: String, _ other: String) throws {
    let (first, second) = (try #require(IPAddress(one)), try #require(IPAddress(other)))
    #expect(first == second && first.hashValue == second.hashValue && first.isVersion6 == one.contains(":"))
  }

  @Test(
    "what is no address is not taken for one",
    arguments: [
      "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "[::1]", ":::",
      "::1%lo", "::g", "1::2::3", "0x7f.0.0.1", "2130706433", "localhost", "1.2.3.4\0", "::1\0junk", "１.2.3.4",
      "::ffff:1.2.3.4.5", String(repeating: "0", count: 10_000), "+1.2.3.4", "1.2.3.4/32",
    ])
  func malformed(_ text: String) {
    #expect(IPAddress(text) == nil)
    #expect(CIDR(text + "/8") == nil)
  }

  @Test("bytes in network order are an address, and no other number of them")
  func bytes() throws {
    let sixteen: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]
    #expect(sixteen.withUnsafeBytes { IPAddress(bytes: $0) } == IPAddress("2001:db8::9"))
    let four: [UInt8] = [192, 0, 2, 1]
    #expect(four.withUnsafeBytes { IPAddress(bytes: $0) } == IPAddress("192.0.2.1"))
    for count in 0..<20 where count != 4 && count != 16 {
      #expect([UInt8](repeating: 1, count: count).withUnsafeBytes { IPAddress(bytes: $0) } == nil, "\(count)")
    }
  }

  @Test("a network keeps the first bits and no others, at every length")
  func networks() throws {
    for (text, bits) in [("255.255.255.255", 32), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128)] {
      let address = try #require(IPAddress(text))
      var seen: Set<IPAddress> = []
      for length in 0...bits {
        let network = address.network(length)
        #expect(network.network(length) == network && network.isVersion6 == address.isVersion6)
        seen.insert(network)
      }
      #expect(seen.count == bits + 1)
      #expect(address.network(bits) == address && address.network(999) == address)
      #expect(address.network(-1) == address.network(0))
    }
    #expect(IPAddress("10.1.2.3")?.network(8) == IPAddress("10.0.0.0"))
    #expect(IPAddress("10.1.2.3")?.network(31) == IPAddress("10.1.2.2"))
    #expect(IPAddress("2001:db8::ffff:1:2")?.network(64) == IPAddress("2001:db8::"))
    #expect(IPAddress("2001:db8:8000::")?.network(33) == IPAddress("2001:db8:8000::"))
    #expect(IPAddress("2001:db8:0:1::")?.network(63) == IPAddress("2001:db8::"))
  }

  @Test(
    "a block holds its addresses and no others",
    arguments: [
      ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.9.9.9/8", "10.0.0.1", true),
      ("10.0.0.0/8", "::ffff:10.2.3.4", true), ("::ffff:10.0.0.0/8", "10.2.3.4", true),
      ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true), ("::/0", "1.2.3.4", false),
      ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.0/31", "192.0.2.1", true),
      ("192.0.2.0/31", "192.0.2.2", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
      ("2001:db8::/33", "2001:db8:8000::1", false), ("::1", "::1", true), ("::1/127", "::", true),
      ("2001:db8::/64", "2001:db8:0:1::", false), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
      ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
    ])
  func blocks(_ block: String, _ address: String, _ isWithin: Bool) throws {
    #expect(try #require(CIDR(block)).contains(try #require(IPAddress(address))) == isWithin)
  }

  @Test(
    "what is no block is not taken for one",
    arguments: [
      "", "/", "/8", "x", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ",
      "10.0.0.0/8/8", "10.0.0.0/08x", "::/129", "::ffff:10.0.0.0/104", "10.0.0.0/99999999999999999999",
      "10.0.0.0/٨", "10.0.0.0,::1",
    ])
  func malformedBlocks(_ text: String) { #expect(CIDR(text) == nil) }
}
