public import Foundation

/// Sends requests to addresses that others gave us. An engine is behind it; it follows no redirect.
public protocol OutgoingHTTP: Sendable {
  /// One request, one answer. Takes no longer than the request's timeout, or than the system's resolver takes for the
  /// name when that is more.
  func post(_ request: OutgoingRequest) async -> OutgoingAnswer
}

public struct OutgoingRequest: Sendable, Hashable {
  public var url: URL
  /// Besides `Host`, `Content-Length` and `Connection`.
  public var headers: [String: String]
  public var body: [UInt8]
  public var timeout: Duration

  public init(url: URL, headers: [String: String], body: [UInt8], timeout: Duration) {
    self.url = url
    self.headers = headers
    self.body = body
    self.timeout = timeout
  }
}

public enum OutgoingAnswer: Sendable, Hashable {
  /// - Parameter body: At most its first 16 KiB.
  case reply(status: Int, body: [UInt8])
  /// Nothing that can be read as an answer came; why, in plain words.
  case failed(String)
}
