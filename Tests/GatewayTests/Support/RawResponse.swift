import NIOCore

@testable import Gateway

/// A response as it came.
struct RawResponse: Sendable {
  var status: Int
  var head: String
  /// Without framing.
  var body: String
  /// The body, where it is no text.
  var bytes = ByteBuffer()

  /// - Returns: nil while `buffer` has no whole response.
  static func read(_ buffer: inout ByteBuffer, hasBody: Bool, isEnded: Bool) throws -> RawResponse? {
    let found = try buffer.withUnsafeReadableBytes { try HeadScanner.headLength($0) }
    guard let length = found else { return nil }
    var head = ResponseHead()
    try buffer.withUnsafeReadableBytes { try head.parse($0[ByteRange(0, length)], limits: HeadLimits()) }
    let isEmpty = !hasBody || head.status < 200 || head.status == 204 || head.status == 304
    var reader = BodyReader(isEmpty ? .none : head.framing, decodesChunks: true)
    var copy = buffer
    copy.moveReaderIndex(forwardBy: length)
    var body = ByteBuffer()
    while var piece = try reader.next(&copy) {
      body.writeBuffer(&piece)
      if reader.isDone { break }
    }
    guard reader.isDone || reader.isUntilClose && isEnded else { return nil }
    let text = buffer.getString(at: buffer.readerIndex, length: length)!
    buffer = copy
    return RawResponse(status: head.status, head: text, body: String(buffer: body), bytes: body)
  }

  /// The value of a header, by its lower-case name.
  func header(_ name: String) -> String? {
    for line in head.split(separator: "\r\n").dropFirst() {
      let sides = line.split(separator: ":", maxSplits: 1)
      if sides.count == 2, sides[0].lowercased() == name {
        return sides[1].drop { $0 == " " }.description
      }
    }
    return nil
  }

  /// A member of a problem, by a search that is good enough for flat documents.
  func member(_ name: String) -> String? {
    guard let start = body.firstRange(of: "\"\(name)\":") else { return nil }
    let value = body[start.upperBound...]
    if value.first == "\"" { return value.dropFirst().prefix { $0 != "\"" }.description }
    return value.prefix { $0 != "," && $0 != "}" }.description
  }
}
