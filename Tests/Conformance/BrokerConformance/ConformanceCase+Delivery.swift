import Foundation
import GravityEvents
import Patience
import Testing

extension ConformanceCase {
  static let delivery = [
    ConformanceCase("a message reaches each queue whose pattern takes it, as it was") { engine in
      try await engine.with { broker in
        let names = Names()
        let all = try await broker.subscribed(to: names.all("all"))
        let one = try await broker.subscribed(to: EventQueue(names.queue("one"), patterns: [names.type("one")]))
        let both = try await broker.subscribed(
          to: EventQueue(names.queue("both"), patterns: [names.type("one"), names.type("two"), "\(names.family).#"]))
        let messages = names.messages(3, "one") + names.messages(2, "two")
        #expect(try await broker.publish(messages) == messages.ids)
        // Once each, though several patterns take it.
        for (subscription, expected) in [(all, messages), (one, Array(messages.prefix(3))), (both, messages)] {
          let deliveries = try await subscription.take(expected.count)
          #expect(deliveries.messages == Set(expected))
          #expect(deliveries.allSatisfy { !$0.isRedelivered })
          await subscription.acknowledge(deliveries)
        }
        for queue in ["all", "one", "both"] {
          try await eventually("\(queue) is empty") { try await broker.depth(of: names.queue(queue)) == 0 }
        }
      }
    },
    ConformanceCase("family.# takes the family and none that begins alike, and a type is no prefix") { engine in
      try await engine.with { broker in
        let names = Names()
        let family = try await broker.subscribed(to: names.all())
        let exact = try await broker.subscribed(
          to: EventQueue(names.queue("exact"), patterns: [names.type("one")]))
        func message(_ type: String) -> EventMessage { EventMessage(id: UUID(), type: type, body: [1]) }
        let foreign = [message("\(names.family)x.one.v1"), message("x\(names.family).one.v1")]
        let others = [
          message("\(names.family).one.v12"), message("\(names.family).one"), message("\(names.family).ones.v1"),
        ]
        let own = [message(names.type("one"))]
        try await broker.publishAll(foreign + others + own)
        #expect(try await family.take(4).messages == Set(others + own))
        #expect(try await exact.take(1).messages == Set(own))
        try await expectDepth(4, of: names.queue(), broker)
        try await expectDepth(1, of: names.queue("exact"), broker)
      }
    },
    ConformanceCase("a message for which there is no queue counts as taken") { engine in
      try await engine.with { broker async throws in
        let messages = Names().messages(10)
        #expect(try await broker.publish(messages) == messages.ids)
        #expect(try await broker.publish([]).isEmpty)
      }
    },
    ConformanceCase("any bytes may be a body, none too") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all())
        let bodies = [[], [0], Array(0...255), Array("{\"ü\":\"€\"}".utf8)] as [[UInt8]]
        let messages = bodies.map { EventMessage(id: UUID(), type: names.type(), body: $0) }
        try await broker.publishAll(messages)
        #expect(try await subscription.take(bodies.count).messages == Set(messages))
      }
    },
    ConformanceCase("a queue keeps what comes while nobody fetches, also when all instances have ended") { engine in
      try await engine.with(2) { instances, place in
        let names = Names()
        let early = try await instances[0].broker.subscribed(to: names.all())
        await early.close()
        await instances[0].end()
        let messages = names.messages(50)
        try await instances[1].broker.publishAll(messages)
        try await expectDepth(50, of: names.queue(), instances[1].broker)
        await instances[1].end()
        let late = Instance(try place.open())
        let subscription = late.broker.subscribe(to: names.all(), prefetch: 100)
        let deliveries = try await subscription.take(50)
        #expect(deliveries.messages == Set(messages))
        #expect(deliveries.allSatisfy { !$0.isRedelivered }, "nobody has seen them yet")
        await subscription.acknowledge(deliveries)
        await late.end()
      }
    },
    ConformanceCase("patterns are added to a queue that exists, and stay") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let first = try await instances[0].broker.subscribed(
          to: EventQueue(names.queue(), patterns: [names.type("one")]))
        await first.close()
        // Not there yet: as if never published.
        try await instances[1].broker.publishAll(names.messages(1, "two"))
        let second = instances[1].broker.subscribe(
          to: EventQueue(names.queue(), patterns: [names.type("two")]), prefetch: 10)
        let probe = names.messages(1, "two")
        try await eventually("the new pattern takes messages") {
          try await instances[1].broker.publishAll(probe)
          return try await instances[1].broker.depth(of: names.queue())! > 0
        }
        let old = names.messages(1, "one")
        try await instances[1].broker.publishAll(old)
        var seen: Set<UUID> = []
        while !seen.isSuperset(of: old.ids) { seen.formUnion(try await second.take(1).ids) }
        #expect(seen.isSubset(of: old.ids.union(probe.ids)))
      }
    },
    ConformanceCase("a queue that is made while messages flow misses none that comes after it") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let publisher = instances[1].broker
        let subscription = try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            while !Task.isCancelled { _ = try? await publisher.publish(names.messages(5, "before")) }
          }
          let subscription = try await instances[0].broker.subscribed(to: names.all())
          try await publisher.publishAll(names.messages(20, "after"))
          group.cancelAll()
          return subscription
        }
        let last = names.messages(20, "after")
        try await publisher.publishAll(last)
        var after = 0
        while after < 40 {
          let deliveries = try await subscription.take(1)
          after += deliveries.filter { $0.message.type == names.type("after") }.count
          await subscription.acknowledge(deliveries)
        }
      }
    },
  ]
}
