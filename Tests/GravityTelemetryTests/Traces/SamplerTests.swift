import GravityTelemetry
import Testing

@Suite struct SamplerTests {
  struct Case: Sendable {
    var sampler: Sampler
    var parent: Bool?
    var isKept: Bool
  }

  @Test(
    "a sampler decides as its name says",
    arguments: [
      Case(sampler: .alwaysOn, parent: nil, isKept: true),
      Case(sampler: .alwaysOn, parent: false, isKept: true),
      Case(sampler: .alwaysOff, parent: nil, isKept: false),
      Case(sampler: .alwaysOff, parent: true, isKept: false),
      Case(sampler: .ratio(1), parent: false, isKept: true),
      Case(sampler: .ratio(0), parent: true, isKept: false),
      Case(sampler: .parentBased(.alwaysOn), parent: nil, isKept: true),
      Case(sampler: .parentBased(.alwaysOn), parent: false, isKept: false),
      Case(sampler: .parentBased(.alwaysOff), parent: nil, isKept: false),
      Case(sampler: .parentBased(.alwaysOff), parent: true, isKept: true),
      Case(sampler: .parentBased(.ratio(0)), parent: true, isKept: true),
      Case(sampler: .parentBased(.ratio(1)), parent: false, isKept: false),
    ])
  func table(_ row: Case) {
    for low in [1, 0x00FF_FFFF_FFFF_FFFF, UInt64.max, 0x8000_0000_0000_0001] {
      #expect(row.sampler.keeps(traceLow: low, parent: row.parent) == row.isKept)
    }
  }

  @Test("a share of traces is kept, the same ones by every process, and more of them by a greater share")
  func share() {
    var random = SystemRandomNumberGenerator()
    let ids = (0..<20_000).map { _ in random.next() as UInt64 }
    let (tenth, half) = (Sampler.ratio(0.1), Sampler.ratio(0.5))
    let kept = ids.filter { tenth.keeps(traceLow: $0, parent: nil) }
    // Twelve standard deviations either way.
    #expect((1_500...2_500).contains(kept.count))
    #expect(kept.allSatisfy { half.keeps(traceLow: $0, parent: nil) })
    #expect(kept == ids.filter { Sampler.ratio(0.1).keeps(traceLow: $0, parent: true) })
  }

  @Test("the decision is on the last 56 bits of the trace's id, from 1 − share on")
  func threshold() {
    let quarter = Sampler.ratio(0.25)
    #expect(!quarter.keeps(traceLow: 0xFFBF_FFFF_FFFF_FFFF, parent: nil))
    #expect(quarter.keeps(traceLow: 0x00C0_0000_0000_0000, parent: nil))
  }
}
