import Foundation
import GravityEvents
import Patience
import Testing

extension ConformanceCase {
  static let redelivery = [
    ConformanceCase("what was not acknowledged comes again after close, and says so") { engine in
      try await engine.with { broker in
        let names = Names()
        let first = try await broker.subscribed(to: names.all())
        let messages = names.messages(10)
        try await broker.publishAll(messages)
        let deliveries = try await first.take(10)
        await first.acknowledge(Array(deliveries.prefix(4)))
        await first.close()
        #expect(await failure { try await first.next(atMost: 1) } == .closed)
        let second = broker.subscribe(to: names.all(), prefetch: 100)
        let again = try await second.take(6)
        #expect(again.ids == Array(deliveries.dropFirst(4)).ids)
        #expect(again.allSatisfy { $0.isRedelivered })
        // Too late, and of another subscription.
        await first.acknowledge(deliveries)
        await first.giveBack(deliveries)
        await second.acknowledge(again)
        try await eventually("all is settled") { try await broker.depth(of: names.queue()) == 0 }
      }
    },
    ConformanceCase("what an instance has not acknowledged goes to another one when it ends") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        let first = try await instances[0].broker.subscribed(to: names.all())
        let messages = names.messages(20)
        try await instances[1].broker.publishAll(messages)
        let deliveries = try await first.take(20)
        await first.acknowledge(Array(deliveries.prefix(5)))
        let second = instances[1].broker.subscribe(to: names.all(), prefetch: 100)
        await instances[0].end()
        let again = try await second.take(15)
        #expect(again.ids == Array(deliveries.dropFirst(5)).ids)
        #expect(again.allSatisfy { $0.isRedelivered })
        await second.acknowledge(again)
        try await eventually("all is settled") { try await instances[1].broker.depth(of: names.queue()) == 0 }
      }
    },
    ConformanceCase("what is given back comes again, and says so") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all())
        let messages = names.messages(10)
        try await broker.publishAll(messages)
        let deliveries = try await subscription.take(10)
        await subscription.giveBack(Array(deliveries.suffix(3)))
        await subscription.acknowledge(Array(deliveries.prefix(7)))
        let again = try await subscription.take(3)
        #expect(again.ids == Array(deliveries.suffix(3)).ids)
        #expect(again.allSatisfy { $0.isRedelivered })
        await subscription.acknowledge(again)
        try await eventually("all is settled") { try await broker.depth(of: names.queue()) == 0 }
      }
    },
    ConformanceCase("settling in any order, twice and in parts settles those and no others") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all())
        let messages = names.messages(30)
        try await broker.publishAll(messages)
        let deliveries = try await subscription.take(30)
        let odd = deliveries.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
        let even = deliveries.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        await subscription.acknowledge(odd.reversed())
        await subscription.acknowledge(odd)
        await subscription.giveBack(odd)
        await subscription.acknowledge([])
        for delivery in even.prefix(5) { await subscription.acknowledge([delivery]) }
        await subscription.close()
        let second = broker.subscribe(to: names.all(), prefetch: 100)
        let again = try await second.take(10)
        #expect(again.ids == Array(even.dropFirst(5)).ids)
        await second.acknowledge(again)
        try await eventually("all is settled") { try await broker.depth(of: names.queue()) == 0 }
      }
    },
    ConformanceCase("a subscription that is let go lets its messages go") { engine in
      try await engine.with { broker in
        let names = Names()
        let messages = names.messages(3)
        do {
          let first = try await broker.subscribed(to: names.all())
          try await broker.publishAll(messages)
          _ = try await first.take(3)
          await first.close()
        }
        let second = broker.subscribe(to: names.all(), prefetch: 10)
        #expect(try await second.take(3).messages == Set(messages))
      }
    },
  ]
}
