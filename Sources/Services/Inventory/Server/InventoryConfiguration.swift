/// The settings of the inventory service.
public struct InventoryConfiguration: Sendable, Hashable {
  /// What an item begins with that says nothing: at or below it is low. 0 for never, up to 1 000 000 000.
  public var lowThreshold: Int64 = 0
  /// At or above it is back in stock; greater than ``lowThreshold``.
  public var restockThreshold: Int64 = 1
  /// How often reservations are looked for that have expired; 10 ms to 1 hour. It delays events and nothing else: their
  /// stock is free at once.
  public var sweepInterval = Duration.seconds(1)
  /// How many reservations are expired in one transaction; 1 to 1 000.
  public var sweepBatch = 100
  /// How many changes of stock that wait for one another share a transaction; 1 to 1 000.
  public var batch = 64
  /// How many may wait, and how long, before they are refused with 503; 1 to 100 000, and at most an hour.
  public var maximumWaiting = 2_000
  public var waitTimeout = Duration.seconds(5)

  public init() {}

  /// - Throws: ``InventoryConfigurationError`` that names the setting and its bounds.
  public func validate() throws(InventoryConfigurationError) {
    func check(_ holds: Bool, _ text: String) throws(InventoryConfigurationError) {
      guard holds else { throw InventoryConfigurationError(description: text) }
    }
    try check((0..<1_000_000_000).contains(lowThreshold), "low threshold: must be 0 to 999999999")
    try check(
      restockThreshold > lowThreshold && restockThreshold <= 1_000_000_000,
      "restock threshold: must be greater than the low one, up to 1000000000")
    try check(
      (.milliseconds(10)...(.seconds(3600))).contains(sweepInterval), "sweep interval: must be 10 ms to 1 hour")
    try check((1...1_000).contains(sweepBatch), "sweep batch: must be 1 to 1000")
    try check((1...1_000).contains(batch), "batch: must be 1 to 1000")
    try check((1...100_000).contains(maximumWaiting), "maximum waiting: must be 1 to 100000")
    try check(waitTimeout > .zero && waitTimeout <= .seconds(3600), "wait time-out: must be up to 1 hour")
  }
}

/// A setting that cannot be used. For the operator.
public struct InventoryConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}
