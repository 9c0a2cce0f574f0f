/// How many octets of bodies may still be sent, on a stream or on all of a connection (RFC 9113 §6.9).
enum HTTP2Window {
  static let maximum = 0x7FFF_FFFF
  /// What each is where nobody has said otherwise (RFC 9113 §6.9.2).
  static let initial = 65_535
}

/// The window of what comes.
struct HTTP2ReceiveWindow {
  /// What the sender may still send. May be below zero for a while, when it was made smaller (RFC 9113 §6.9.2).
  private(set) var left: Int
  /// How large it is kept.
  private var size: Int
  /// Octets that were taken, and not yet given back.
  private var taken = 0

  init(_ size: Int) { (left, self.size) = (size, size) }

  /// - Returns: Whether so many octets were allowed.
  mutating func receive(_ count: Int) -> Bool {
    left -= count
    return left >= 0
  }

  /// Octets have gone where they belong.
  ///
  /// - Returns: By how much the sender is to be told that it may send again; 0 while that is not worth a frame.
  mutating func take(_ count: Int) -> Int {
    taken += count
    guard taken > 0, taken * 2 >= size else { return 0 }
    defer { taken = 0 }
    left += taken
    return taken
  }

  /// The sender knows another size.
  mutating func resize(_ size: Int) {
    left += size - self.size
    self.size = size
  }
}
