import GravityDiscovery
import Testing

extension ConformanceCase {
  static let listening = [
    ConformanceCase("every listener hears every change, and one that stops disturbs nobody") { engine in
      try await engine.with { registries in
        let service = freshService()
        let (one, two) = (try await ReadyServer(service), try await ReadyServer(service))
        try await registries[0].register(one.instance)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<3 {
            group.addTask { await expect("both", of: registries[0], service) { $0.count == 2 } }
          }
          // Stops after its first set.
          await expect("the first", of: registries[0], service) { $0 == [one.instance] }
          try await registries[0].register(two.instance)
          try await group.waitForAll()
        }
        // One that comes later is told what is known at once.
        await expect("both", of: registries[0], service, within: .seconds(2)) { $0.count == 2 }
        for server in [one, two] {
          try await registries[0].deregister(id: server.instance.id)
          await server.close()
        }
      }
    },
    ConformanceCase("whoever is cancelled stops listening") { engine in
      try await engine.with { registries in
        let service = freshService()
        let listener = Task { for await _ in registries[0].instances(of: service) {} }
        listener.cancel()
        // Hangs if it does not.
        await listener.value
      }
    },
    ConformanceCase("what one process registers another sees, and sees it go") { engine in
      guard engine.isShared else { return }
      try await engine.with(2) { registries in
        let service = freshService()
        let server = try await ReadyServer(service)
        try await registries[0].register(server.instance)
        await expect("the instance", of: registries[1], service) { $0 == [server.instance] }
        try await registries[0].deregister(id: server.instance.id)
        await expect("nobody", of: registries[1], service) { $0.isEmpty }
        await server.close()
      }
    },
    ConformanceCase("a process that ends takes out what it forgot to") { engine in
      guard engine.isShared else { return }
      try await engine.with { others in
        let service = freshService()
        let server = try await ReadyServer(service)
        try await engine.with { registries in
          try await registries[0].register(server.instance)
          await expect("the instance", of: others[0], service) { $0 == [server.instance] }
        }
        await expect("nobody", of: others[0], service) { $0.isEmpty }
        await server.close()
      }
    },
  ]

  /// Those of a registry whose instances are given.
  public static let givenOnes = [
    ConformanceCase("what is given is told to each listener at once, and registering does not change it") { engine in
      let given = try #require(engine.given)
      try await engine.with { registries in
        let server = try await ReadyServer(given.service)
        for _ in 0..<2 {
          await expect("what is given", of: registries[0], given.service) { $0.map(\.baseURL) == given.addresses }
          try await registries[0].register(server.instance)
          try await registries[0].deregister(id: server.instance.id)
        }
        await server.close()
      }
    },
    ConformanceCase("whoever is cancelled stops listening") { engine in
      try await engine.with { registries in
        let listener = Task { for await _ in registries[0].instances(of: "nothing") {} }
        listener.cancel()
        await listener.value
      }
    },
  ]
}
