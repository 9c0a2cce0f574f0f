/// The deliveries of a channel that were neither acknowledged nor given back, in the order in which they came.
struct UnsettledTags {
  private var tags: [UInt64] = []

  var count: Int { tags.count }

  /// The broker counts upwards.
  mutating func append(_ tag: UInt64) { tags.append(tag) }

  struct Settlement: Equatable {
    var tag: UInt64
    /// Also all before it that are unsettled.
    var multiple: Bool
  }

  /// What has to be said to settle those and no others, and nothing that was said before: the broker ends a channel on
  /// which a delivery is settled twice.
  mutating func settle(_ settled: [UInt64]) -> [Settlement] {
    let settled = Set(settled)
    var settlements: [Settlement] = []
    let run = tags.prefix { settled.contains($0) }
    if let last = run.last { settlements.append(Settlement(tag: last, multiple: run.count > 1)) }
    let length = run.count
    guard length < settled.count else {
      tags.removeFirst(length)
      return settlements
    }
    let rest = tags.dropFirst(length)
    settlements += rest.filter { settled.contains($0) }.map { Settlement(tag: $0, multiple: false) }
    tags = rest.filter { !settled.contains($0) }
    return settlements
  }
}
