import Synchronization
import Testing

@testable import GravityDiscovery

@Suite("The instances of a service")
struct InstanceSetTests {
  private final class Clock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
  }
  private let clock = Clock()
  private let a = ServiceInstance(id: "a", service: "s", host: "h", port: 1)
  private let b = ServiceInstance(id: "b", service: "s", host: "h", port: 2)
  private func set(_ instances: [ServiceInstance]) -> InstanceSet {
    InstanceSet(service: "s", instances, now: { [clock] in clock.now })
  }

  @Test("one that failed is left alone, longer each time, and comes back when it answers")
  func absence() {
    let set = set([a, b])
    set.failed(a)
    for _ in 0..<4 { #expect(set.next() == b) }
    clock.advance(.seconds(1))
    #expect(Set([set.next(), set.next()]) == [a, b])
    set.failed(a)
    clock.advance(.seconds(1))
    for _ in 0..<4 { #expect(set.next() == b, "two seconds now") }
    clock.advance(.seconds(1))
    #expect(Set([set.next(), set.next()]) == [a, b])
    set.answered(a)
    set.failed(a)
    clock.advance(.seconds(1))
    #expect(Set([set.next(), set.next()]) == [a, b], "it began anew")
    for _ in 0..<100 { set.failed(a) }
    clock.advance(.seconds(30))
    #expect(Set([set.next(), set.next()]) == [a, b], "never longer than half a minute")
  }

  @Test("where every one has failed they are asked all the same, but none that was tried")
  func nobodyElse() {
    let set = set([a, b])
    set.failed(a)
    set.failed(b)
    #expect(set.next() != nil)
    #expect(set.next(excluding: ["a"]) == b)
    #expect(set.next(excluding: ["a", "b"]) == nil)
    #expect(self.set([]).next() == nil)
  }
}
