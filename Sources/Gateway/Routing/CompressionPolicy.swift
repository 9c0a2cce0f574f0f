/// How an answer's content may be coded (RFC 9110 §8.4.1).
public enum ContentCoding: String, Sendable, Hashable, CaseIterable {
  case gzip, br
}

/// Which of a route's answers are compressed on their way, where the client takes that (RFC 9110 §12.5.3).
///
/// Never: what is coded already, partial content, `no-transform`, answers to HEAD or HTTP/1.0, streams of events, and
/// content whose length is known to be below ``minimumBytes``.
public struct CompressionPolicy: Sendable, Hashable {
  /// Text, and what is text beneath.
  public static let standardTypes = [
    "text/*", "application/json", "application/*+json", "application/javascript", "application/xml",
    "application/*+xml", "application/wasm", "application/manifest+json", "image/svg+xml",
  ]

  /// The one that is preferred where the client likes several equally stands first.
  public var codings: [ContentCoding] = [.br, .gzip]
  /// `text/*` and `application/*+json` stand for all of the kind; `text/event-stream` is never among them.
  public var types = standardTypes
  /// Content of a known length below this is left as it is.
  public var minimumBytes = 1_024
  /// 1 to 9.
  public var gzipLevel = 5
  /// 0 to 11. 3 makes more of JSON than gzip's 5 does in half of the time; from 4 on it takes several times the memory.
  public var brotliQuality = 3
  /// Whether answers are compressed, too, to requests with a token or a cookie. What somebody else can have written into
  /// an answer beside a secret of the reader's tells the secret by its compressed length (BREACH), so this is for answers
  /// without either.
  public var includesPrivate = false

  /// What is standard.
  public init() {}
}
