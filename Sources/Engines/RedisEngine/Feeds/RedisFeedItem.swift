/// What a feed of messages says.
package enum RedisFeedItem: Sendable, Hashable {
  case message(channel: String, [UInt8])
  /// The feed begins, or goes on after an interruption: something may have been missed before this.
  case began
  /// The connection is gone; nothing comes until ``began``.
  case interrupted
}
