// Foundation is not needed: the C library gives memchr.
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Looks for header fields among the lines that travel on, where only some routes want to know them.
enum FieldLines {
  /// Where the value of the field's first line is.
  ///
  /// - Parameter name: In lower case.
  static func first(_ name: [UInt8], in bytes: UnsafeRawBufferPointer, _ fields: HeaderRuns) -> ByteRange? {
    var found: ByteRange?
    forEach(name, in: bytes, fields) { if found == nil { found = $0 } }
    return found
  }

  /// Calls `body` with the value of each line of the field, without the white space around it.
  static func forEach(
    _ name: [UInt8], in bytes: UnsafeRawBufferPointer, _ fields: HeaderRuns, _ body: (ByteRange) -> Void
  ) {
    forEachLine(bytes, fields) { line, colon in
      guard colon - line.start == name.count, isName(bytes, line.start, name) else { return }
      body(bytes.trimmed(ByteRange(colon + 1, line.end - 2)))
    }
  }

  /// Calls `body` with each line, its CR LF included, and where its colon is.
  static func forEachLine(
    _ bytes: UnsafeRawBufferPointer, _ fields: HeaderRuns, _ body: (_ line: ByteRange, _ colon: Int) -> Void
  ) {
    for run in fields.runs {
      var index = run.start
      while index < run.end {
        let next = end(bytes, index, run.end)
        var colon = index
        while colon < next, bytes[colon] != Octet.colon { colon += 1 }
        body(ByteRange(index, next), colon)
        index = next
      }
    }
  }

  private static func isName(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ name: [UInt8]) -> Bool {
    for index in name.indices {
      let byte = bytes[start + index]
      guard (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == name[index] else { return false }
    }
    return true
  }

  /// Every line ends in CR LF: the readers of heads have seen to it.
  private static func end(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int {
    guard let base = bytes.baseAddress, let found = memchr(base + start, Int32(Octet.lineFeed), end - start) else {
      return end
    }
    return UnsafeRawPointer(found) - base + 1
  }
}

extension HeaderRuns {
  /// Takes out lines by their names.
  mutating func remove(in bytes: UnsafeRawBufferPointer, where isUnwanted: (_ name: UnsafeRawBufferPointer) -> Bool) {
    let before = self
    removeAll()
    FieldLines.forEachLine(bytes, before) { line, colon in
      if !isUnwanted(bytes[ByteRange(line.start, colon)]) { keep(line) }
    }
  }
}

/// Names of header fields that configuration gives.
enum FieldName {
  /// - Returns: The name in lower case.
  /// - Throws: ``RouteError`` for what is no name (RFC 9110 §5.1) of 1 to 256 characters.
  static func checked(_ name: String, _ place: String) throws(RouteError) -> String {
    guard (1...256).contains(name.utf8.count), name.utf8.allSatisfy(Octet.isToken) else {
      throw RouteError(description: "\(place): \"\(name)\" is no name of a header field")
    }
    return name.lowercased()
  }
}
