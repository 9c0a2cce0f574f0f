import GravityDiscovery
import Testing

@testable import Gateway

@Suite("Ejection") struct EjectionTests {
  private static let second: Int64 = 1_000_000_000

  /// A service's instances, judged each second of a clock of the test's own.
  private struct Trial {
    let instances: [UpstreamInstance]
    var judge: EjectionJudge
    var now: Int64 = 0

    init(_ count: Int, _ settings: EjectionSettings = .init()) {
      var breaker = BreakerSettings()
      // What is judged here is the judge.
      breaker.failureRatio = 2
      breaker.consecutiveFailures = .max
      instances = (0..<count).map { UpstreamInstance(ServedSet.instance("\($0)"), breaker) }
      judge = EjectionJudge(settings)
      _ = judge.judge(instances, now: 0)
    }

    /// A second in which each instance that is not ejected gets so many requests, with so many failures.
    mutating func second(_ requests: Int = 100, failures: [Int]) -> [String] {
      for (instance, failed) in zip(instances, failures) where !instance.isEjected {
        for number in 0..<requests {
          instance.record(.answered(status: number < failed ? 500 : 200), route: 0, now: now, random: 0.5)
        }
      }
      now += EjectionTests.second
      return judge.judge(instances, now: now).map { change in
        switch change {
        case .ejected(let instance, _, _, let nanoseconds):
          "\(instance.instance.id) out \(nanoseconds / EjectionTests.second)"
        case .returned(let instance): "\(instance.instance.id) back"
        }
      }
    }

    mutating func quiet(_ seconds: Int) -> [String] {
      (0..<seconds).flatMap { _ in second(failures: Array(repeating: 0, count: instances.count)) }
    }
  }

  @Test("who fails while others succeed is out for ten seconds, then for twice as long; that is forgotten")
  func ejects() {
    var trial = Trial(3)
    #expect(trial.quiet(3) == [])
    #expect(trial.second(failures: [100, 0, 0]) == ["0 out 10"])
    #expect(trial.instances[0].isEjected && trial.judge.ejectedCount == 1)
    #expect(trial.quiet(9) == [] && trial.quiet(1) == ["0 back"] && trial.judge.ejectedCount == 0)
    #expect(trial.second(failures: [30, 0, 0]) == ["0 out 20"])
    #expect(trial.quiet(20) == ["0 back"])
    // Two times are forgotten after twenty seconds without another.
    #expect(trial.quiet(21) == [])
    #expect((0..<2).flatMap { _ in trial.second(failures: [100, 0, 0]) } == ["0 out 10"])
  }

  @Test("it is out five minutes at most")
  func longest() {
    var trial = Trial(2)
    var lengths: [String] = []
    for _ in 0..<32 {
      for _ in 0..<400 where lengths.last?.hasSuffix("back") ?? true {
        lengths += trial.second(failures: [100, 0])
      }
      for _ in 0..<400 where lengths.last?.hasSuffix("back") == false { lengths += trial.quiet(1) }
    }
    #expect(lengths.contains("0 out 290") && lengths.contains("0 out 300") && !lengths.contains("0 out 310"))
  }

  @Test("where all fail alike nobody is out, nor for a few failures, nor by too few requests")
  func spares() {
    var alike = Trial(4)
    #expect((0..<10).flatMap { _ in alike.second(failures: [60, 55, 62, 58]) } == [])
    var few = Trial(3)
    #expect((0..<10).flatMap { _ in few.second(failures: [10, 0, 1]) } == [])
    var rare = Trial(3)
    #expect((0..<20).flatMap { _ in rare.second(1, failures: [1, 0, 0]) } == [])
  }

  @Test("of two the failing one is out, never both; of five at most two, though more than one hides behind another")
  func share() {
    var two = Trial(2)
    #expect((0..<5).flatMap { _ in two.second(failures: [40, 0]) } == ["0 out 10"])
    #expect((0..<3).flatMap { _ in two.second(failures: [0, 100]) } == [] && !two.instances[1].isEjected)
    var five = Trial(5)
    var out: [String] = []
    for _ in 0..<5 { out += five.second(failures: [60, 50, 0, 0, 0]) }
    #expect(Set(out) == ["0 out 10", "1 out 10"] && five.judge.ejectedCount == 2)
    var settings = EjectionSettings()
    settings.maximumShare = 0.2
    var strict = Trial(5, settings)
    #expect((0..<5).flatMap { _ in strict.second(failures: [50, 60, 0, 0, 0]) } == ["1 out 10"])
    // Where most fail it is not the instances.
    var most = Trial(5)
    #expect((0..<5).flatMap { _ in most.second(failures: [100, 90, 80, 0, 0]) } == [])
    var one = Trial(1)
    #expect((0..<5).flatMap { _ in one.second(failures: [100]) } == [])
  }

  @Test("the last that is healthy stays, however it fails beside sick ones")
  func last() {
    var trial = Trial(3)
    _ = trial.quiet(2)
    trial.instances[1].noteHealth(false, now: trial.now)
    trial.instances[2].noteHealth(false, now: trial.now)
    #expect((0..<5).flatMap { _ in trial.second(failures: [100, 0, 0]) } == [])
  }

  @Test("an instance that a breaker already keeps from requests is left to it")
  func besideTheBreaker() {
    var trial = Trial(2)
    _ = trial.quiet(2)
    let broken = UpstreamInstance(ServedSet.instance("b"), BreakerSettings())
    var judge = EjectionJudge(EjectionSettings())
    _ = judge.judge([trial.instances[0], broken], now: trial.now)
    for _ in 0..<50 { broken.record(.unreachable, route: 0, now: trial.now, random: 0.5) }
    for _ in 0..<50 { trial.instances[0].record(.answered(status: 200), route: 0, now: trial.now, random: 0.5) }
    #expect(broken.breaker.phase != .closed)
    #expect(judge.judge([trial.instances[0], broken], now: trial.now + Self.second).isEmpty && !broken.isEjected)
  }

  @Test("who left the registry is forgotten, and who takes the place starts clean")
  func replaced() {
    var trial = Trial(2)
    _ = trial.quiet(1)
    for _ in 0..<2 { _ = trial.second(failures: [100, 0]) }
    #expect(trial.judge.ejectedCount == 1)
    let new = UpstreamInstance(ServedSet.instance("0"), BreakerSettings())
    #expect(trial.judge.judge([new, trial.instances[1]], now: trial.now + Self.second).isEmpty)
    #expect(trial.judge.ejectedCount == 0 && new.isUsable)
  }
}
