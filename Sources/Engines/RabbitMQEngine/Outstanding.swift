/// What was published on a channel and not yet confirmed: the broker counts messages from 1, and confirms one or all
/// up to one.
struct Outstanding<Element> {
  private var elements: [Element?] = []
  /// The number of the first of them.
  private var first: UInt64 = 1
  private(set) var count = 0

  mutating func append(_ element: Element) {
    elements.append(element)
    count += 1
  }

  /// - Returns: those that the confirmation is for. Empty when it is for none that is known.
  mutating func confirm(_ tag: UInt64, multiple: Bool) -> [Element] {
    // Zero and multiple: all of them (AMQP 0-9-1, basic.ack).
    let end = tag == 0 && multiple ? elements.count : tag < first ? 0 : Int(clamping: tag - first + 1)
    guard end > 0, end <= elements.count else { return [] }
    var confirmed: [Element] = []
    for index in (multiple ? 0 : end - 1)..<end {
      guard let element = elements[index] else { continue }
      confirmed.append(element)
      elements[index] = nil
    }
    count -= confirmed.count
    dropConfirmed()
    return confirmed
  }

  /// From the front, now and then, so that each is moved only once or twice.
  private mutating func dropConfirmed() {
    if count == 0 {
      first += UInt64(elements.count)
      elements.removeAll(keepingCapacity: elements.count <= 4_096)
    } else if elements.count > 2 * count + 256 {
      let confirmed = elements.prefix { $0 == nil }.count
      first += UInt64(confirmed)
      elements.removeFirst(confirmed)
    }
  }
}
