import NIOCore

/// By what a call of gRPC is known: `application/grpc`, with `+proto` or another format behind it, and gRPC-Web's
/// `application/grpc-web` and `application/grpc-web-text`.
enum GRPCContentType {
  private static let field = Array("content-type".utf8)
  /// No type that gRPC uses is longer.
  private static let maximumBytes = 64

  /// The type of the request whose head is in `bytes`; nil where it is none of gRPC's.
  ///
  /// - Parameter fields: The lines that travel on.
  static func find(in bytes: UnsafeRawBufferPointer, _ fields: HeaderRuns) -> [UInt8]? {
    FieldLines.first(field, in: bytes, fields).flatMap { read(bytes[$0]) }
  }

  /// As the other, of a head of which no line was looked at.
  ///
  /// - Parameter length: Of the head, each line of which ends in CR LF.
  static func find(in head: ByteBuffer, _ length: Int) -> [UInt8]? {
    var lines = HeaderRuns()
    lines.keep(ByteRange(0, length))
    return head.withUnsafeReadableBytes { find(in: $0, lines) }
  }

  /// - Returns: The value without its parameters, made of nothing but tokens and the slash; nil where it is no type of
  ///   gRPC's.
  static func read(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
    guard value.hasPrefixIgnoringCase("application/grpc") else { return nil }
    let type = value.prefix { Octet.isToken($0) || $0 == Octet.slash }
    guard type.count <= maximumBytes else { return nil }
    let rest = type.dropFirst("application/grpc".utf8.count)
    guard rest.isEmpty || rest.first == UInt8(ascii: "+") || rest.starts(with: "-web".utf8) else { return nil }
    return Array(type)
  }
}
