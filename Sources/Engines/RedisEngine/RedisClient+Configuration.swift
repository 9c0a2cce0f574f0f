extension RedisClient {
  /// Bounds. Each is more than zero.
  public struct Configuration: Sendable {
    /// How long it may take to have a connection that can be used: name, TCP, TLS and login.
    public var connectTimeout = Duration.seconds(3)
    /// How long a reply may take. The command may be executed all the same when it is later.
    public var commandTimeout = Duration.seconds(1)
    /// How long a command waits for the first connection, or for the next after one broke. After that, and while
    /// connecting fails, commands fail at once.
    public var connectGrace = Duration.milliseconds(250)
    /// How often a connection that stands idle is asked whether the server is there.
    public var pingInterval = Duration.seconds(1)
    /// Commands that may be without a reply.
    public var maximumCommands = 10_000
    /// Bytes that may wait to be sent. One command more may go beyond.
    public var maximumBytes = 16 << 20
    /// Bytes of one reply; more ends the connection.
    public var maximumReplyBytes = 64 << 20
    /// What operators see in `CLIENT LIST`: printable ASCII without a blank.
    public var clientName = "gravity"

    public init() {}

    func validate() throws(RedisError) {
      let durations = [connectTimeout, commandTimeout, connectGrace, pingInterval]
      guard durations.allSatisfy({ $0 > .zero }), maximumCommands > 0, maximumBytes > 0, maximumReplyBytes > 0 else {
        throw RedisError(.invalid, "time-outs and bounds of the Redis client must be more than zero")
      }
      guard !clientName.isEmpty, clientName.utf8.allSatisfy({ (33...126).contains($0) }) else {
        throw RedisError(.invalid, "the Redis client's name must be printable ASCII without a blank")
      }
    }
  }
}
