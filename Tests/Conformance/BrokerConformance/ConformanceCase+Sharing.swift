import Foundation
import GravityEvents
import Patience
import Testing

extension ConformanceCase {
  static let sharing = [
    ConformanceCase("instances share a queue: each message goes to one of them") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let first = try await instances[0].broker.subscribed(to: names.all(), prefetch: 10)
        let second = try await instances[1].broker.subscribed(to: names.all(), prefetch: 100)
        let messages = names.messages(100)
        try await instances[0].broker.publishAll(messages)
        // The first one is slow: it holds some, and the second one works off the others.
        let held = try await first.take(1)
        let seen = Seen(held.ids)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for (subscription, handles) in [(first, false), (second, true)] {
            group.addTask {
              while true {
                let deliveries = try await subscription.next(atMost: 10)
                #expect(seen.insert(deliveries.ids) == deliveries.count, "one message went to both")
                if handles { await subscription.acknowledge(deliveries) }
              }
            }
          }
          try await eventually("all have come") { seen.ids.count == 100 }
          group.cancelAll()
          while await group.nextResult() != nil {}
        }
        #expect(seen.ids == messages.ids)
      }
    },
    ConformanceCase("no more than the prefetch is out at a time, and others get what is above") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let narrow = try await instances[0].broker.subscribed(to: names.all(), prefetch: 5)
        let messages = names.messages(50)
        try await instances[0].broker.publishAll(messages)
        let held = try await narrow.take(5)
        let more = Task { try await narrow.next(atMost: 100) }
        // All that is not held by the first one comes to the second: it has no sixth.
        let wide = instances[1].broker.subscribe(to: names.all(), prefetch: 100)
        let rest = try await wide.take(45)
        #expect(held.ids.isDisjoint(with: rest.ids))
        #expect(held.ids.union(rest.ids) == messages.ids)
        await wide.acknowledge(rest)
        await wide.close()
        // What is settled makes room.
        await narrow.acknowledge(Array(held.prefix(2)))
        let late = names.messages(2)
        try await instances[1].broker.publishAll(late)
        var came = try await more.value
        while came.count < 2 { came += try await narrow.next(atMost: 100) }
        #expect(came.ids == late.ids)
      }
    },
    ConformanceCase("8 publishers and 2 subscribers in 2 instances lose nothing") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let subscriptions = [
          try await instances[0].broker.subscribed(to: names.all(), prefetch: 50),
          try await instances[1].broker.subscribed(to: names.all(), prefetch: 50),
        ]
        let published = Seen()
        let handled = Seen()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for subscription in subscriptions {
            group.addTask {
              while let deliveries = try? await subscription.next(atMost: 20) {
                handled.insert(deliveries.ids)
                await subscription.acknowledge(deliveries)
              }
            }
          }
          try await withThrowingTaskGroup(of: Void.self) { publishers in
            for n in 0..<8 {
              publishers.addTask {
                for _ in 0..<25 {
                  let messages = names.messages(10, "from\(n)")
                  try await instances[n % 2].broker.publishAll(messages)
                  published.insert(messages.ids)
                }
              }
            }
            try await publishers.waitForAll()
          }
          #expect(published.ids.count == 2_000)
          try await eventually("all are handled") { handled.ids.count >= 2_000 }
          group.cancelAll()
        }
        #expect(handled.ids == published.ids)
        try await eventually("all are settled") { try await instances[0].broker.depth(of: names.queue()) == 0 }
      }
    },
  ]
}
