import GravityDiscovery
import Testing

extension ConformanceCase {
  static let registering = [
    ConformanceCase("an instance that registers is seen as it described itself") { engine in
      try await engine.with { registries in
        let service = freshService()
        let server = try await ReadyServer(service) {
          $0.version = "1.2.3"
          $0.zone = "west"
          $0.weight = 7
        }
        try await registries[0].register(server.instance)
        await expect("the instance", of: registries[0], service) { $0 == [server.instance] }
        try await registries[0].deregister(id: server.instance.id)
        await expect("nobody", of: registries[0], service) { $0.isEmpty }
        await server.close()
      }
    },
    ConformanceCase("one of the same id takes the other's place") { engine in
      try await engine.with { registries in
        let service = freshService()
        let old = try await ReadyServer(service) { $0.id = "\(service)-one" }
        let new = try await ReadyServer(service) {
          $0.id = "\(service)-one"
          $0.version = "2"
        }
        try await registries[0].register(old.instance)
        await expect("the old one", of: registries[0], service) { $0 == [old.instance] }
        try await registries[0].register(new.instance)
        await expect("the new one", of: registries[0], service) { $0 == [new.instance] }
        try await registries[0].deregister(id: new.instance.id)
        await old.close()
        await new.close()
      }
    },
    ConformanceCase("an id that nobody has can be taken out") { engine in
      try await engine.with { registries in try await registries[0].deregister(id: freshService()) }
    },
    ConformanceCase("services do not mix, and the last one out leaves an empty set") { engine in
      try await engine.with { registries in
        let names = [freshService(), freshService()]
        let servers = [try await ReadyServer(names[0]), try await ReadyServer(names[1])]
        for server in servers { try await registries[0].register(server.instance) }
        for (name, server) in zip(names, servers) {
          await expect("its own", of: registries[0], name) { $0 == [server.instance] }
        }
        try await registries[0].deregister(id: servers[0].instance.id)
        await expect("nobody", of: registries[0], names[0]) { $0.isEmpty }
        await expect("the other", of: registries[0], names[1]) { $0 == [servers[1].instance] }
        try await registries[0].deregister(id: servers[1].instance.id)
        for server in servers { await server.close() }
      }
    },
    ConformanceCase("many that register at once are all there, and all leave at once") { engine in
      try await engine.with { registries in
        let service = freshService()
        var servers: [ReadyServer] = []
        for _ in 0..<20 { servers.append(try await ReadyServer(service)) }
        let all = servers
        try await withThrowingTaskGroup(of: Void.self) { group in
          for server in all { group.addTask { try await registries[0].register(server.instance) } }
          try await group.waitForAll()
        }
        await expect("all", of: registries[0], service) { Set($0) == Set(all.map(\.instance)) && $0.count == all.count }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for server in all { group.addTask { try await registries[0].deregister(id: server.instance.id) } }
          try await group.waitForAll()
        }
        await expect("nobody", of: registries[0], service) { $0.isEmpty }
        for server in all { await server.close() }
      }
    },
  ]
}
