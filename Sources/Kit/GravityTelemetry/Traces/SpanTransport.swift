/// Sends spans to where they are collected.
public protocol SpanTransport: Sendable {
  /// Posts an `ExportTraceServiceRequest` in JSON.
  ///
  /// - Parameter timeout: Until the answer is read.
  /// - Throws: When there is no answer.
  func post(_ body: [UInt8], timeout: Duration) async throws -> SpanReply
}

/// What a receiver said.
public struct SpanReply: Sendable, Hashable {
  public var status: Int
  /// `Retry-After` as it came.
  public var retryAfter: String?
  /// At most 64 KiB.
  public var body: [UInt8]

  public static let greatestBody = 64 << 10

  public init(status: Int, retryAfter: String? = nil, body: [UInt8] = []) {
    self.status = status
    self.retryAfter = retryAfter
    self.body = body
  }
}
