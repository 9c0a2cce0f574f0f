import Foundation
import GravityEvents
import Testing

extension ConformanceCase {
  static let lifecycle = [
    ConformanceCase("a task that waits for messages can be cancelled, and none is lost") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all())
        for _ in 0..<20 {
          let waiting = Task { try await subscription.next(atMost: 10) }
          let messages = names.messages(1)
          async let published: Void = broker.publishAll(messages)
          waiting.cancel()
          var deliveries: [EventDelivery] = []
          do {
            deliveries = try await waiting.value
          } catch {
            #expect(error is CancellationError)
          }
          try await published
          if deliveries.isEmpty { deliveries = try await subscription.take(1) }
          #expect(deliveries.ids == messages.ids)
          await subscription.acknowledge(deliveries)
        }
        let cancelled = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          return try await subscription.next(atMost: 1)
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
      }
    },
    ConformanceCase("nothing is delivered before the broker runs, and all of it then") { engine in
      try await engine.with(1) { instances, place in
        let names = Names()
        let first = try await instances[0].broker.subscribed(to: names.all())
        await first.close()
        let messages = names.messages(5)
        try await instances[0].broker.publishAll(messages)
        let later = try place.open()
        #expect(later.trouble != nil)
        let subscription = later.subscribe(to: names.all(), prefetch: 10)
        let waiting = Task { try await subscription.take(5) }
        try await expectDepth(5, of: names.queue(), instances[0].broker)
        let instance = Instance(later)
        #expect(try await waiting.value.messages == Set(messages))
        #expect(later.trouble == nil)
        await instance.end()
      }
    },
    ConformanceCase("once its run has ended a broker is closed, for those that wait too") { engine in
      try await engine.with(1) { instances, _ in
        let names = Names()
        let broker = instances[0].broker
        let subscription = try await broker.subscribed(to: names.all())
        let feed = broker.feed(of: ["\(names.family).#"])
        let waiting = Task { await failure { try await subscription.next(atMost: 1) } }
        let reading = Task { await feed.reduce(into: []) { $0.append($1) } }
        await instances[0].end()
        #expect(await waiting.value == .closed)
        #expect(await Set(reading.value).isSubset(of: [.began, .interrupted]))
        #expect(broker.trouble != nil)
        #expect(await failure { try await broker.publish(names.messages(1)) } == .closed)
        #expect(await failure { try await broker.announce(names.messages(1)[0]) } == .closed)
        #expect(await failure { try await broker.depth(of: names.queue()) } == .closed)
        #expect(await failure { try await subscription.next(atMost: 1) } == .closed)
        await subscription.acknowledge([])
        await subscription.close()
        let late = broker.subscribe(to: names.all(), prefetch: 1)
        #expect(await failure { try await late.next(atMost: 1) } == .closed)
        for await item in broker.feed(of: ["\(names.family).#"]) { Issue.record("\(item)") }
      }
    },
    ConformanceCase("what is being published when the run ends is safe, or said not to be") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let subscription = try await instances[1].broker.subscribed(to: names.all())
        let safe = try await withThrowingTaskGroup(of: Set<UUID>.self) { group in
          for _ in 0..<20 {
            group.addTask {
              do {
                return try await instances[0].broker.publish(names.messages(50))
              } catch {
                #expect(error is BrokerError)
                return []
              }
            }
          }
          await instances[0].end()
          return try await group.reduce(into: Set()) { $0.formUnion($1) }
        }
        var seen: Set<UUID> = []
        while !seen.isSuperset(of: safe) {
          let deliveries = try await subscription.take(1)
          seen.formUnion(deliveries.ids)
          await subscription.acknowledge(deliveries)
        }
      }
    },
  ]
}
