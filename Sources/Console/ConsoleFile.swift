import CConsoleFiles
import Crypto
import HTTPTypes
import NIOCore

/// A file of the console, ready to be sent.
struct ConsoleFile: Sendable {
  /// Beneath `Files`: `index.html`, `assets/main.js`.
  let path: String
  let contentType: String
  /// Strong (RFC 9110 §8.8.3): made of the bytes.
  let entityTag: String
  let bytes: ByteBuffer

  init(path: String, bytes: ByteBuffer) {
    self.path = path
    self.bytes = bytes
    contentType = Self.contentType(of: path)
    let digest = SHA256.hash(data: bytes.readableBytesView).prefix(16)
    entityTag = "\"" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
  }

  /// All that were there when the program was built, by their path.
  static let all: [String: ConsoleFile] = {
    let files = (0..<console_file_count()).map { index in
      let file = console_file_at(index)
      return ConsoleFile(
        path: String(cString: file.path),
        bytes: ByteBuffer(bytes: UnsafeBufferPointer(start: file.bytes, count: file.count)))
    }
    return Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0) })
  }()

  private static func contentType(of path: String) -> String {
    switch path.split(separator: ".").last {
    case "html": "text/html; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "js": "text/javascript; charset=utf-8"
    case "svg": "image/svg+xml"
    default: "application/octet-stream"
    }
  }

  /// Whether what the client has is this (RFC 9110 §13.1.2: weak comparison).
  func isNamed(in ifNoneMatch: String) -> Bool {
    ifNoneMatch.split(separator: ",").contains { candidate in
      let tag = candidate.filter { $0 != " " && $0 != "\t" }
      return tag == "*" || tag == entityTag || tag == "W/\(entityTag)"
    }
  }
}
