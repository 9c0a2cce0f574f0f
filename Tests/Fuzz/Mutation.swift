/// SplitMix64.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

/// What HTTP parsers stumble over.
let dictionary: [[UInt8]] = [
  "\r\n", "\n", "\r", "\0", ":", " ", "\t", ",", ";", "content-length: 5\r\n", "transfer-encoding: chunked\r\n",
  "host: a\r\n", "connection: content-length, close\r\n", "x-user-id: 1\r\n", "0\r\n\r\n", "FFFFFFFFFFFFFFFF", "%2e",
  "%2f", "/../", "//", ";a", "%3B", "HTTP/1.1", "HTTP/1.0", "http://a/", "traceparent: ", "\u{7F}", "\u{FF}",
  "expect: 100-continue\r\n", "upgrade: websocket\r\n", "connection: upgrade\r\n", "x-forwarded-for: 1.1.1.1\r\n",
  // Fields of HTTP/2, apart by RS, name and value by US.
  "\u{1E}", "\u{1F}", "\u{1E}:path\u{1F}/a", "\u{1E}:method\u{1F}GET", "\u{1E}:authority\u{1F}a",
  "\u{1E}:scheme\u{1F}https", "\u{1E}cookie\u{1F}a=1", "\u{1E}host\u{1F}a", "\u{1E}content-length\u{1F}5",
  "\u{1E}te\u{1F}trailers", "\u{1E}connection\u{1F}close", "\u{1E}x-a\u{1F}b",
].map { Array($0.utf8) }

/// One to six changes at random; at most 4 096 bytes.
func mutate(_ input: [UInt8], _ corpus: [[UInt8]], _ random: inout Seeded) -> [UInt8] {
  var bytes = input
  // Often a single change: what is nearly right goes deeper.
  for _ in 0..<(Bool.random(using: &random) ? 1 : Int.random(in: 2...6, using: &random)) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    switch Int.random(in: 0..<7, using: &random) {
    case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2 where place < bytes.count:
      bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...16, using: &random)))
    case 3: bytes.insert(contentsOf: dictionary.randomElement(using: &random)!, at: place)
    case 4 where place < bytes.count:
      let end = min(bytes.count, place + Int.random(in: 1...32, using: &random))
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
    case 5:
      let other = corpus.randomElement(using: &random)!
      bytes = Array(bytes.prefix(place)) + other.suffix(Int.random(in: 0...other.count, using: &random))
    default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
    }
    if bytes.count > 4_096 { bytes.removeLast(bytes.count - 4_096) }
  }
  return bytes
}
