import NIOCore

/// ``SecurityHeaders`` as lines, made once.
final class SecurityLines: Sendable {
  private struct Line: Sendable {
    var field: SecurityFields
    var isForPages: Bool
    var bytes: [UInt8]
  }
  private let each: [Line]
  /// All of an answer that has none of them.
  private let plain: [UInt8]
  private let page: [UInt8]
  private let transport: [UInt8]

  /// nil where nothing is set.
  ///
  /// - Throws: ``RouteError`` for a value that is none.
  init?(_ headers: SecurityHeaders) throws(RouteError) {
    func line(_ name: String, _ value: String?) throws(RouteError) -> [UInt8] {
      guard let value else { return [] }
      guard (1...4_096).contains(value.utf8.count), value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
        throw RouteError(description: "\(name): a value has 1 to 4096 visible ASCII characters")
      }
      return Array("\(name): \(value)\r\n".utf8)
    }
    each = [
      Line(
        field: .sniffing, isForPages: false,
        bytes: try line("x-content-type-options", headers.forbidsSniffing ? "nosniff" : nil)),
      Line(field: .referrer, isForPages: false, bytes: try line("referrer-policy", headers.referrerPolicy)),
      Line(field: .frame, isForPages: true, bytes: try line("x-frame-options", headers.frameOptions)),
      Line(
        field: .content, isForPages: true, bytes: try line("content-security-policy", headers.contentSecurityPolicy)),
    ].filter { !$0.bytes.isEmpty }
    transport = try line("strict-transport-security", headers.strictTransportSecurity)
    plain = each.filter { !$0.isForPages }.flatMap(\.bytes)
    page = each.flatMap(\.bytes)
    if page.isEmpty, transport.isEmpty { return nil }
  }

  /// - Parameters:
  ///   - present: What the service has set.
  ///   - isPage: Whether the answer is HTML.
  ///   - isSecure: Whether the client came over TLS.
  @inline(__always)
  func write(present: SecurityFields, isPage: Bool, isSecure: Bool, into output: inout OctetWriter) {
    if present.isEmpty {
      output.write(isPage ? page : plain)
    } else {
      for line in each where !present.contains(line.field) && (isPage || !line.isForPages) {
        output.write(line.bytes)
      }
    }
    if isSecure, !present.contains(.transport) { output.write(transport) }
  }
}
