import Gateway

/// Heads, chunks, and fields of HTTP/2: see `CodecInvariants`.
struct CodecFuzz {
  let corpus: [[UInt8]]

  func `try`(_ random: inout Seeded) -> (input: [UInt8], fault: String?) {
    let input = mutate(corpus.randomElement(using: &random)!, corpus, &random)
    do {
      try CodecInvariants.check(input)
      return (input, nil)
    } catch { return (input, "\(error)") }
  }
}
