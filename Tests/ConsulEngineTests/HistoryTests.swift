import GravityDiscovery
import Testing

@testable import ConsulEngine

@Suite("What is made of Consul's answers", .timeLimit(.minutes(5)))
struct HistoryTests {
  private let start = ContinuousClock.now
  private func instance(_ id: String) -> ServiceInstance {
    ServiceInstance(id: id, service: "auth", host: "127.0.0.1", port: 1)
  }
  private func passing(_ ids: String...) -> [(instance: ServiceInstance, isPassing: Bool)] {
    ids.map { (instance($0), true) }
  }

  @Test("an index that goes backwards begins anew, and one of 0 or none counts as 1")
  func index() {
    var index = BlockingIndex()
    #expect(index.take(40) == .forward)
    #expect(index.take(40) == .forward)
    #expect(index.take(39) == .backward)
    #expect(index.value == 0)
    #expect(index.take(39) == .forward)
    #expect(index.value == 39)
    var odd = BlockingIndex()
    #expect(odd.take(0) == .forward)
    #expect(odd.value == 1)
    #expect(odd.take(nil) == .forward)
    #expect(odd.value == 1)
  }

  @Test("answers beyond a burst are taken no faster than so many a second")
  func budget() {
    var budget = AnswerBudget(burst: 3, perSecond: 2, now: start)
    #expect((0..<3).allSatisfy { _ in budget.take(now: start) == .zero })
    #expect(budget.take(now: start) == .milliseconds(500))
    #expect(budget.take(now: start) == .seconds(1))
    #expect(budget.take(now: start + .seconds(60)) == .zero)
  }

  @Test("what Consul says is believed: instances come, fail and go")
  func believed() {
    var history = ServiceHistory(settling: .seconds(15))
    #expect(history.take(passing("b", "a"), now: start) == .believed)
    #expect(history.current?.map(\.id) == ["a", "b"])
    #expect(history.take([(instance("a"), true), (instance("b"), false)], now: start) == .believed)
    #expect(history.current?.map(\.id) == ["a"])
    #expect(history.take([], now: start) == .believed)
    #expect(history.current == [])
  }

  @Test("when everything is critical at once the last that passed stay, until Consul forgets them")
  func critical() {
    var history = ServiceHistory(settling: .seconds(15))
    _ = history.take(passing("a", "b"), now: start)
    let critical = [(instance: instance("a"), isPassing: false), (instance: instance("b"), isPassing: false)]
    #expect(history.take(critical, now: start) == .nonePasses)
    #expect(history.current?.map(\.id) == ["a", "b"])
    #expect(history.take([critical[0], (instance("b"), true)], now: start) == .believed)
    #expect(history.current?.map(\.id) == ["b"])
    #expect(history.take([critical[0]], now: start) == .nonePasses)
    #expect(history.take([], now: start) == .believed)
    #expect(history.current == [])
  }

  @Test("one that never passed is not used, even when there is no other")
  func neverPassed() {
    var history = ServiceHistory(settling: .seconds(15))
    #expect(history.take([(instance("a"), false)], now: start) == .believed)
    #expect(history.current == [])
  }

  @Test("after a break those that are not named stay for a while, and those that fail do not")
  func interrupted() {
    var history = ServiceHistory(settling: .seconds(15))
    _ = history.take(passing("a", "b", "c"), now: start)
    history.interrupt(now: start)
    #expect(history.take([(instance("a"), false), (instance("d"), true)], now: start + .seconds(1)) == .settling)
    #expect(history.current?.map(\.id) == ["b", "c", "d"])
    #expect(history.settlingEnd(now: start + .seconds(1)) == start + .seconds(15))
    // An agent that started anew knows nobody yet.
    #expect(history.take([], now: start + .seconds(2)) == .settling)
    #expect(history.current?.map(\.id) == ["b", "c", "d"])
    #expect(history.take(passing("d"), now: start + .seconds(16)) == .believed)
    #expect(history.current?.map(\.id) == ["d"])
  }
}
