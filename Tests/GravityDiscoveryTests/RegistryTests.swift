import GravityDiscovery
import RegistryConformance
import Testing

@Suite(.timeLimit(.minutes(5))) struct RegistryTests {
  @Test("a registry in process conforms", arguments: ConformanceCase.all)
  func inProcess(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: EngineUnderTest(isShared: false) { .init(registry: InProcessRegistry()) })
  }

  @Test("addresses by configuration are what is given", arguments: ConformanceCase.givenOnes)
  func given(_ conformance: ConformanceCase) async throws {
    try await conformance.run(
      on: EngineUnderTest(isShared: false, given: ("auth", ["http://127.0.0.1:8001", "http://127.0.0.1:9001"])) {
        .init(registry: try StaticRegistry("auth=127.0.0.1:8001,127.0.0.1:9001"))
      })
  }

  @Test("a listener gets the set at once and again after each change")
  func watching() async throws {
    let registry = InProcessRegistry()
    registry.register(ServiceInstance(id: "a1", service: "auth", host: "127.0.0.1", port: 1))
    var sets = registry.instances(of: "auth").makeAsyncIterator()
    #expect(await sets.next()?.map(\.id) == ["a1"])
    registry.register(ServiceInstance(id: "u1", service: "user", host: "127.0.0.1", port: 2))
    registry.register(ServiceInstance(id: "a2", service: "auth", host: "127.0.0.1", port: 3))
    #expect(await sets.next()?.map(\.id) == ["a1", "a2"])
    registry.deregister(id: "a1")
    #expect(await sets.next()?.map(\.id) == ["a2"])
  }

  @Test("addresses by configuration are read, IPv6 too")
  func addresses() async throws {
    let registry = try StaticRegistry(" auth = 127.0.0.1:8001, [::1]:9001 ; user=db.local:8002")
    var sets = registry.instances(of: "auth").makeAsyncIterator()
    let auth = try #require(await sets.next())
    #expect(auth.map(\.baseURL) == ["http://127.0.0.1:8001", "http://[::1]:9001"])
  }

  @Test(
    "a mistake in them is told with what was expected",
    arguments: ["auth", "=x:1", "auth=x", "auth=x:0", "auth=x:70000", "auth=:80"])
  func mistakes(text: String) throws {
    #expect(throws: StaticRegistry.Malformed.self) { try StaticRegistry(text) }
  }

  @Test("an instance set goes round and keeps its last when the registry has none")
  func rounds() async {
    let registry = InProcessRegistry()
    registry.register(ServiceInstance(id: "a", service: "s", host: "h", port: 1))
    registry.register(ServiceInstance(id: "b", service: "s", host: "h", port: 2))
    let set = InstanceSet(
      service: "s",
      [
        ServiceInstance(id: "a", service: "s", host: "h", port: 1),
        ServiceInstance(id: "b", service: "s", host: "h", port: 2),
      ])
    #expect(Set([set.next()?.id, set.next()?.id]) == ["a", "b"])
    #expect(InstanceSet(service: "none").next() == nil)
  }
}
