/// How HTTP/2 (RFC 9113) is spoken with clients.
///
/// Whoever goes over one of the bounds hears GOAWAY with ENHANCE_YOUR_CALM, and the connection ends.
public struct HTTP2Configuration: Sendable {
  /// Whether it is spoken at all: over TLS where the client chooses `h2` (RFC 7301), else where a connection begins with
  /// HTTP/2's preface (RFC 9113 §3.3). Without it a preface is 505.
  public var isEnabled = true
  /// Requests of a connection at a time (SETTINGS_MAX_CONCURRENT_STREAMS). Each counts as a connection in
  /// ``GatewayConfiguration/Limits/clientConnectionsPerLoop``.
  public var concurrentStreams = 128
  /// Bytes of a request's body that are taken while its service takes none (SETTINGS_INITIAL_WINDOW_SIZE).
  public var streamWindowBytes = 131_072
  /// Bytes of bodies that a connection may have on their way to the gateway.
  public var connectionWindowBytes = 1 << 20
  /// Requests that a client may take back (RST_STREAM) in ``window``.
  public var resets = 200
  /// Streams that a client may have ended by a mistake of its own in ``window``.
  public var streamErrors = 200
  /// SETTINGS, PING and PRIORITY frames in ``window``.
  public var controlFrames = 500
  /// For which ``resets``, ``streamErrors`` and ``controlFrames`` are counted.
  public var window: Duration = .seconds(30)
  /// CONTINUATION frames after one HEADERS frame.
  public var continuations = 9
  /// Frames that move next to nothing (WINDOW_UPDATE, DATA of a few bytes, unknown types …) beyond what requests and
  /// bodies account for; as many as ``smallFramesPerSecond`` come back each second.
  public var smallFrames = 8_192
  /// Of ``smallFrames``, that come back each second.
  public var smallFramesPerSecond = 500
  /// Bytes written to a client that reads none of them.
  public var unreadBytes = 1 << 20

  /// What is standard.
  public init() {}
}
