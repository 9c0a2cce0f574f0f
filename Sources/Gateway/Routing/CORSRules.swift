/// A ``CORSPolicy``, ready to be held against a request.
final class CORSRules: Sendable {
  private let isForAll: Bool
  private let patterns: [OriginPattern]
  private let methods: [RequestMethod]?
  /// In lower case; nil lets through what is asked for.
  private let headers: String?
  /// What an answer to an origin that may read it has besides the origin.
  private let answerLines: [UInt8]
  private let maximumAge: String
  private let allowsCredentials: Bool
  private static let originName = Array("origin".utf8)
  private static let methodName = Array("access-control-request-method".utf8)
  private static let headersName = Array("access-control-request-headers".utf8)
  /// The most that a preflight may ask for where any field may be sent, in bytes.
  private static let maximumHeaders = 4_096

  init(_ policy: CORSPolicy) {
    isForAll = policy.origins.contains("*")
    patterns = policy.origins.compactMap { OriginPattern($0) }
    methods = policy.methods.map { names in RequestMethod.allCases.filter { names.contains($0.name) } }
    headers = policy.headers.contains("*") ? nil : policy.headers.joined(separator: ", ").lowercased()
    allowsCredentials = policy.allowsCredentials
    maximumAge = "\(policy.maximumAge.components.seconds)"
    var lines = policy.allowsCredentials ? "access-control-allow-credentials: true\r\n" : ""
    if !policy.exposedHeaders.isEmpty {
      lines += "access-control-expose-headers: \(policy.exposedHeaders.joined(separator: ", "))\r\n"
    }
    answerLines = Array(lines.utf8)
  }

  /// The lines of an answer to this request. Even an answer to no page says that it depends on who asks, or a cache
  /// would give it to one.
  func lines(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    guard let origin = FieldLines.first(Self.originName, in: bytes, head.kept), !origin.isEmpty else {
      return isForAll ? allowed(nil) + answerLines : Array("vary: Origin\r\n".utf8)
    }
    guard allows(bytes[origin]) else { return Array("vary: Origin\r\n".utf8) }
    return allowed(bytes[origin]) + answerLines
  }

  private func allows(_ origin: UnsafeRawBufferPointer) -> Bool {
    isForAll || patterns.contains { $0.matches(origin) }
  }

  private func allowed(_ origin: UnsafeRawBufferPointer?) -> [UInt8] {
    guard let origin, !isForAll else { return Array("access-control-allow-origin: *\r\n".utf8) }
    return Array("access-control-allow-origin: ".utf8) + Array(origin) + Array("\r\nvary: Origin\r\n".utf8)
  }

  // MARK: - Preflights

  /// The method that a preflight asks for; nil where the request is none.
  static func requestedMethod(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> RequestMethod? {
    guard head.method == .options, FieldLines.first(originName, in: bytes, head.kept) != nil,
      let method = FieldLines.first(methodName, in: bytes, head.kept)
    else { return nil }
    return RequestMethod(bytes[method])
  }

  /// What a preflight is answered with; nil where the origin or the method may not.
  func preflight(_ method: RequestMethod, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    guard let origin = FieldLines.first(Self.originName, in: bytes, head.kept), allows(bytes[origin]),
      methods?.contains(method) ?? true
    else { return nil }
    var text = allowsCredentials ? "access-control-allow-credentials: true\r\n" : ""
    text += "access-control-allow-methods: \(methods?.map(\.name).joined(separator: ", ") ?? method.name)\r\n"
    if let headers = headers ?? requestedHeaders(head, bytes), !headers.isEmpty {
      text += "access-control-allow-headers: \(headers)\r\n"
    }
    text += "access-control-max-age: \(maximumAge)\r\n"
    text += "vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
    return allowed(bytes[origin]) + Array(text.utf8)
  }

  /// What is asked for, where it is a list of names.
  private func requestedHeaders(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> String? {
    guard let asked = FieldLines.first(Self.headersName, in: bytes, head.kept), asked.count <= Self.maximumHeaders
    else { return nil }
    let list = bytes[asked]
    guard list.allSatisfy({ Octet.isToken($0) || $0 == Octet.comma || $0 == Octet.space }) else { return nil }
    return String(decoding: list, as: UTF8.self)
  }
}
