/// A bounded cache that gives up what was not asked for the longest.
package struct LeastRecentlyUsed<Key: Hashable, Value> {
  private var entries: [Key: (value: Value, used: UInt64)] = [:]
  private var clock: UInt64 = 0
  private let capacity: Int

  /// - Parameter capacity: at least 1.
  package init(capacity: Int) { self.capacity = max(1, capacity) }

  package var count: Int { entries.count }

  package mutating func value(for key: Key) -> Value? {
    guard let index = entries.index(forKey: key) else { return nil }
    clock &+= 1
    entries.values[index].used = clock
    return entries.values[index].value
  }

  /// - Returns: what had to go. The scan for it is paid only when a new text is prepared, which costs far more.
  package mutating func insert(_ value: Value, for key: Key) -> Value? {
    clock &+= 1
    var evicted: Value?
    if entries[key] == nil, entries.count >= capacity, let oldest = entries.min(by: { $0.value.used < $1.value.used }) {
      evicted = oldest.value.value
      entries[oldest.key] = nil
    }
    entries[key] = (value, clock)
    return evicted
  }

  package mutating func removeValue(for key: Key) -> Value? { entries.removeValue(forKey: key)?.value }

  package mutating func removeAll() { entries = [:] }
}
