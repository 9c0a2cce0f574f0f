import Testing

@testable import GravityData

@Suite struct FaultPointTests {
  @Test("nothing is armed without names")
  func unarmed() {
    #expect(ArmedFaults(nil) == nil)
    #expect(ArmedFaults("") == nil)
    #expect(ArmedFaults(",") == nil)
  }

  @Test("the process ends at the named pass and at no other")
  func passes() throws {
    let armed = try #require(ArmedFaults("a:x,b@3"))
    #expect(armed.isLastPass("a:x"))
    #expect(!armed.isLastPass("a:x"), "a point fires once")
    #expect(!armed.isLastPass("c"))
    #expect(!armed.isLastPass("b") && !armed.isLastPass("b"))
    #expect(armed.isLastPass("b"))
  }
}
