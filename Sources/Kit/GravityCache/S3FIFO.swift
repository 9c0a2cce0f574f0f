/// Entries bounded by their cost, by the S3-FIFO algorithm (Yang et al., SOSP 2023).
///
/// What is new enters a small queue, a tenth of the budget; what was asked for again by the time it reaches the end
/// goes on to the main queue, and the rest leaves, so a scan flushes no more than the small queue. A ghost list keeps
/// the hashes of what left lately: what comes back soon enters the main queue at once. In the main queue an entry that
/// was asked for goes round again, at most three times for its hits. A hit moves nothing and only counts, which is why
/// this and not a form of LRU. All is O(1), eviction amortized: each turn of an entry was paid for by a hit.
@usableFromInline struct S3FIFO<Key: Hashable & Sendable, Payload: Sendable>: Sendable {
  @usableFromInline struct Slot: Sendable {
    var key: Key
    @usableFromInline var payload: Payload?
    var cost: Int
    @usableFromInline var hits: UInt8
    var isMain: Bool
    /// Towards the younger and the older neighbour in the queue; -1 at its ends.
    var younger: Int32
    var older: Int32
  }
  private struct Queue: Sendable {
    var youngest: Int32 = -1
    var oldest: Int32 = -1
    var cost = 0
  }

  @usableFromInline var index: [Key: Int32] = [:]
  @usableFromInline var slots: [Slot] = []
  private var free: [Int32] = []
  private var small = Queue()
  private var main = Queue()
  /// Two generations of hashes: the older is dropped when the younger holds as many as there are entries.
  private var youngGhosts: Set<Int> = []
  private var oldGhosts: Set<Int> = []
  private(set) var evictions = 0
  /// In units of cost. Lowering it evicts at the next insertion or ``shrink()``.
  var budget: Int

  init(budget: Int) { self.budget = budget }

  var count: Int { index.count }
  var cost: Int { small.cost + main.cost }

  /// The place of a key's entry, until the next insertion or removal; counts as a hit.
  @inlinable mutating func find(_ key: Key) -> Int32? {
    guard let place = index[key] else { return nil }
    if slots[Int(place)].hits < 3 { slots[Int(place)].hits += 1 }
    return place
  }

  /// Without counting a hit.
  func peek(_ key: Key) -> Payload? { index[key].flatMap { slots[Int($0)].payload } }

  @inlinable subscript(place: Int32) -> Payload { slots[Int(place)].payload! }

  mutating func modify(_ key: Key, _ change: (inout Payload) -> Void) {
    guard let place = index[key] else { return }
    change(&slots[Int(place)].payload!)
  }

  /// Keeps or replaces an entry and evicts what is too much then.
  /// - Parameter cost: at least 1; an entry over a tenth of the budget is not kept, and what was there is removed.
  mutating func insert(_ payload: Payload, for key: Key, cost: Int) {
    guard cost <= budget / 10 else { return remove(key) }
    if let place = index[key] {
      let change = cost - slots[Int(place)].cost
      slots[Int(place)].payload = payload
      slots[Int(place)].cost = cost
      if slots[Int(place)].isMain { main.cost += change } else { small.cost += change }
    } else {
      let hash = key.hashValue
      let isGhost = youngGhosts.remove(hash) != nil || oldGhosts.remove(hash) != nil
      let slot = Slot(key: key, payload: payload, cost: cost, hits: 0, isMain: isGhost, younger: -1, older: -1)
      let place = free.popLast() ?? Int32(slots.count)
      if Int(place) == slots.count { slots.append(slot) } else { slots[Int(place)] = slot }
      index[key] = place
      enqueue(place)
    }
    shrink()
  }

  @usableFromInline mutating func remove(_ key: Key) {
    guard let place = index.removeValue(forKey: key) else { return }
    release(place)
  }

  mutating func removeAll() {
    let evictions = evictions
    self = S3FIFO(budget: budget)
    self.evictions = evictions
  }

  mutating func shrink() {
    while cost > budget {
      if small.cost > budget / 10 || main.oldest < 0 { evictFromSmall() } else { evictFromMain() }
    }
  }

  private mutating func evictFromSmall() {
    let place = small.oldest
    guard slots[Int(place)].hits > 0 else {
      remember(slots[Int(place)].key)
      return evict(place)
    }
    dequeue(place)
    slots[Int(place)].hits = 0
    slots[Int(place)].isMain = true
    enqueue(place)
  }

  private mutating func evictFromMain() {
    let place = main.oldest
    guard slots[Int(place)].hits > 0 else { return evict(place) }
    dequeue(place)
    slots[Int(place)].hits -= 1
    enqueue(place)
  }

  private mutating func evict(_ place: Int32) {
    index[slots[Int(place)].key] = nil
    release(place)
    evictions += 1
  }

  private mutating func remember(_ key: Key) {
    if youngGhosts.count >= max(16, count) { (oldGhosts, youngGhosts) = (youngGhosts, []) }
    youngGhosts.insert(key.hashValue)
  }

  private mutating func release(_ place: Int32) {
    dequeue(place)
    // The key stays until the place is taken again; the value does not.
    slots[Int(place)].payload = nil
    free.append(place)
  }

  private mutating func enqueue(_ place: Int32) {
    let isMain = slots[Int(place)].isMain
    let next = isMain ? main.youngest : small.youngest
    slots[Int(place)].older = next
    slots[Int(place)].younger = -1
    if next >= 0 { slots[Int(next)].younger = place }
    func link(_ queue: inout Queue) {
      queue.youngest = place
      if next < 0 { queue.oldest = place }
      queue.cost += slots[Int(place)].cost
    }
    if isMain { link(&main) } else { link(&small) }
  }

  private mutating func dequeue(_ place: Int32) {
    let (isMain, younger, older, cost) = {
      ($0.isMain, $0.younger, $0.older, $0.cost)
    }(slots[Int(place)])
    if younger >= 0 { slots[Int(younger)].older = older }
    if older >= 0 { slots[Int(older)].younger = younger }
    func unlink(_ queue: inout Queue) {
      if queue.youngest == place { queue.youngest = older }
      if queue.oldest == place { queue.oldest = younger }
      queue.cost -= cost
    }
    if isMain { unlink(&main) } else { unlink(&small) }
  }
}
