public import Foundation

/// One request to a provider.
public struct OpenIDExchange: Sendable, Hashable {
  public var url: URL
  public var headers: [String: String]
  /// A form to POST; nil is a GET.
  public var form: String?
  /// Bytes of the answer that are of use.
  public var greatestAnswer: Int
  /// For the whole of it.
  public var timeout: Duration

  public init(
    url: URL, headers: [String: String] = [:], form: String? = nil, greatestAnswer: Int, timeout: Duration
  ) {
    self.url = url
    self.headers = headers
    self.form = form
    self.greatestAnswer = greatestAnswer
    self.timeout = timeout
  }
}

/// Sends a request; follows no redirect.
/// - Throws: ``OpenIDError`` where nothing came that can be read as an answer, in time.
public typealias OpenIDTransport =
  @Sendable (OpenIDExchange) async throws(OpenIDError) -> (status: Int, body: Data)
