import GravityData
import Testing

@Suite("Back-off")
struct BackoffTests {
  @Test("pauses double from failure to failure up to the greatest, and begin anew after a success")
  func growth() {
    var backoff = Backoff(first: .milliseconds(100), greatest: .seconds(5))
    for ceiling in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
      let pause = backoff.next()
      #expect(pause >= .milliseconds(ceiling) / 2 && pause <= .milliseconds(ceiling), "at most \(ceiling) ms")
    }
    for _ in 0..<100 { _ = backoff.next() }
    #expect(backoff.failures == 108)
    #expect((.milliseconds(2_500) ... .seconds(5)).contains(backoff.next()))
    backoff.succeeded()
    #expect(backoff.failures == 0)
    #expect((.milliseconds(50) ... .milliseconds(100)).contains(backoff.next()))
  }

  @Test("those that fail together do not come back together")
  func jitter() {
    var backoff = Backoff(first: .seconds(1), greatest: .seconds(1))
    backoff.failed()
    #expect(Set((0..<20).map { _ in backoff.pause }).count > 1)
  }
}
