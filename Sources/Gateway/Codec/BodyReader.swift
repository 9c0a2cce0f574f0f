import NIOCore

/// Goes through a body, whatever its framing, and says what travels on.
struct BodyReader {
  private enum State { case done, length(Int), chunks, trailers, untilClose }
  private var state = State.done
  private var scanner = ChunkScanner()
  private var trailers = TrailerSection()
  private var counted = 0
  /// Whether chunks are taken apart, for a peer that knows none.
  private var decodes = false

  init() {}

  init(_ framing: BodyFraming, decodesChunks: Bool = false) {
    switch framing {
    case .none: state = .done
    case .length(let length): state = .length(length)
    case .chunked: state = .chunks
    case .untilClose: state = .untilClose
    }
    decodes = decodesChunks
  }

  struct Malformed: Error {}

  var isDone: Bool { if case .done = state { true } else { false } }
  var isUntilClose: Bool { if case .untilClose = state { true } else { false } }
  /// Content so far, in bytes.
  var contentBytes: Int { counted + scanner.contentBytes }

  /// Takes from `input` what belongs to the body. Call it until it gives nil.
  ///
  /// - Returns: The next bytes to send on; nil when `input` has no more of the body, or the body has ended.
  mutating func next(_ input: inout ByteBuffer) throws(Malformed) -> ByteBuffer? {
    guard input.readableBytes > 0 else { return nil }
    switch state {
    case .done: return nil
    case .untilClose:
      counted += input.readableBytes
      return input.readSlice(length: input.readableBytes)
    case .length(let left):
      let taken = min(left, input.readableBytes)
      counted += taken
      state = taken == left ? .done : .length(left - taken)
      return input.readSlice(length: taken)
    case .chunks: return try nextChunks(&input)
    case .trailers: return try nextTrailers(&input)
    }
  }

  private mutating func nextChunks(_ input: inout ByteBuffer) throws(Malformed) -> ByteBuffer? {
    var scanner = scanner
    var decoded: ByteBuffer?
    let decodes = decodes
    if decodes { decoded = ByteBufferAllocator().buffer(capacity: input.readableBytes) }
    let taken: Int
    do throws(ChunkScanner.Malformed) {
      taken = try input.withUnsafeReadableBytes { (bytes) throws(ChunkScanner.Malformed) -> Int in
        if !decodes { return try scanner.scan(bytes) }
        return try scanner.scan(bytes) { decoded?.writeBytes(bytes[$0]) }
      }
    } catch {
      throw Malformed()
    }
    self.scanner = scanner
    if scanner.isAtTrailers {
      state = .trailers
      trailers = TrailerSection()
    }
    let chunks = input.readSlice(length: taken)
    // An empty buffer still says: call again.
    return decodes ? decoded : chunks
  }

  private mutating func nextTrailers(_ input: inout ByteBuffer) throws(Malformed) -> ByteBuffer? {
    do throws(HeadFault) {
      switch try trailers.take(&input) {
      case .needsMore: return nil
      case .complete(let section):
        state = .done
        return decodes ? ByteBuffer() : section
      }
    } catch {
      throw Malformed()
    }
  }
}
