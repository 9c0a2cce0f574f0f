import GravityEvents
import Testing

@testable import RabbitMQEngine

@Suite("What is counted between us and the broker")
struct BookkeepingTests {
  @Test("a confirmation is for one, for all up to one, or for none that is known")
  func outstanding() {
    var outstanding = Outstanding<String>()
    for name in ["a", "b", "c", "d", "e"] { outstanding.append(name) }
    #expect(outstanding.confirm(2, multiple: false) == ["b"])
    #expect(outstanding.confirm(2, multiple: false) == [])
    #expect(outstanding.confirm(3, multiple: true) == ["a", "c"])
    #expect(outstanding.confirm(9, multiple: true) == [])
    #expect(outstanding.count == 2)
    outstanding.append("f")
    #expect(outstanding.confirm(6, multiple: false) == ["f"])
    #expect(outstanding.confirm(0, multiple: true) == ["d", "e"])
    #expect(outstanding.count == 0)
    outstanding.append("g")
    #expect(outstanding.confirm(6, multiple: true) == [])
    #expect(outstanding.confirm(7, multiple: true) == ["g"])
  }

  @Test("numbers stay right over many confirmations in any order")
  func outstandingAtLength() {
    var outstanding = Outstanding<UInt64>()
    var generator = SystemRandomNumberGenerator()
    var open: Set<UInt64> = []
    for tag in 1...20_000 as ClosedRange<UInt64> {
      outstanding.append(tag)
      open.insert(tag)
      guard open.count > 500 || tag == 20_000 else { continue }
      let confirmed = open.randomElement(using: &generator)!
      if Bool.random(using: &generator), tag.isMultiple(of: 50) {
        let all = open.filter { $0 <= confirmed }
        #expect(Set(outstanding.confirm(confirmed, multiple: true)) == all)
        open.subtract(all)
      } else {
        #expect(outstanding.confirm(confirmed, multiple: false) == [confirmed])
        open.remove(confirmed)
      }
      #expect(outstanding.count == open.count)
    }
  }

  @Test("several are settled at once only when none is between them that is not")
  func unsettled() {
    func said(_ tag: UInt64, _ multiple: Bool = false) -> UnsettledTags.Settlement {
      .init(tag: tag, multiple: multiple)
    }
    var tags = UnsettledTags()
    for tag in 1...10 as ClosedRange<UInt64> { tags.append(tag) }
    #expect(tags.settle([2, 1, 3]) == [said(3, true)])
    #expect(tags.settle([3, 2, 99]) == [])
    #expect(tags.settle([6, 8]) == [said(6), said(8)])
    #expect(tags.settle([4]) == [said(4)])
    // 6 was settled before: it may be covered again by "all before".
    #expect(tags.settle([7, 5, 10]) == [said(7, true), said(10)])
    #expect(tags.count == 1)
    #expect(tags.settle([9]) == [said(9)])
    #expect(tags.settle([9]) == [])
  }

  @Test("a queue gives back what it got, in order, however long it grows")
  func fifo() {
    var fifo = FIFO<Int>()
    var (next, expected) = (0, 0)
    for round in 1...200 {
      for _ in 0..<round {
        fifo.append(next)
        next += 1
      }
      for element in fifo.take(atMost: round - 1) {
        #expect(element == expected)
        expected += 1
      }
    }
    #expect(fifo.count == 200)
    #expect(fifo.first == expected)
    fifo.removeAll()
    #expect(fifo.popFirst() == nil)
  }
}
