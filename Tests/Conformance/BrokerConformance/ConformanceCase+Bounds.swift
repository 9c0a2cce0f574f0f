import Foundation
import GravityEvents
import Patience
import Testing

extension ConformanceCase {
  static let bounds = [
    ConformanceCase("64 KiB are taken, and a byte more is refused") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all())
        let body = (0..<EventMessage.greatestBody).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let largest = (0..<20).map { _ in EventMessage(id: UUID(), type: names.type(), body: body) }
        try await broker.publishAll(largest)
        #expect(try await subscription.take(20).messages == Set(largest))
        let tooLarge = EventMessage(id: UUID(), type: names.type(), body: body + [0])
        #expect(await failure { try await broker.publish([largest[0], tooLarge]) }?.isInvalid == true)
        #expect(await failure { try await broker.announce(tooLarge) }?.isInvalid == true)
        try await expectDepth(20, of: names.queue(), broker)
      }
    },
    ConformanceCase("a thousand messages are published at once, and not one more") { engine in
      try await engine.with { broker in
        let names = Names()
        let subscription = try await broker.subscribed(to: names.all(), prefetch: 1_000)
        let messages = names.messages(1_000)
        try await broker.publishAll(messages)
        let deliveries = try await subscription.take(1_000, atMost: 1_000)
        #expect(deliveries.messages == Set(messages))
        await subscription.acknowledge(deliveries)
        try await eventually("all are settled") { try await broker.depth(of: names.queue()) == 0 }
        #expect(await failure { try await broker.publish(names.messages(1_001)) }?.isInvalid == true)
      }
    },
    ConformanceCase("names that are none are refused") { engine in
      try await engine.with { broker in
        let family = Names().family
        let bad = ["", "a b", "a\0b", "ü", "*", "a/b", String(repeating: "x", count: 101)]
        for name in bad {
          let message = EventMessage(id: UUID(), type: name, body: [])
          #expect(await failure { try await broker.publish([message]) }?.isInvalid == true, "\(name)")
          #expect(await failure { try await broker.announce(message) }?.isInvalid == true, "\(name)")
          #expect(await failure { try await broker.depth(of: name) }?.isInvalid == true, "\(name)")
          let queue = broker.subscribe(to: EventQueue(name, patterns: ["\(family).#"]), prefetch: 1)
          #expect(await failure { try await queue.next(atMost: 1) }?.isInvalid == true, "\(name)")
          await queue.close()
        }
        for pattern in bad + ["#", ".#", "*.x.v1", "\(family).*", "\(family).#.v1"] {
          let queue = broker.subscribe(to: EventQueue("\(family).q", patterns: [pattern]), prefetch: 1)
          #expect(await failure { try await queue.next(atMost: 1) }?.isInvalid == true, "\(pattern)")
        }
        for prefetch in [0, -1, 1_001] {
          let queue = broker.subscribe(to: EventQueue("\(family).q", patterns: ["\(family).#"]), prefetch: prefetch)
          #expect(await failure { try await queue.next(atMost: 1) }?.isInvalid == true, "\(prefetch)")
        }
        try await expectDepth(nil, of: "\(family).q", broker)
      }
    },
    ConformanceCase("the depth counts what waits and what this instance handles") { engine in
      try await engine.with { broker in
        let names = Names()
        try await expectDepth(nil, of: names.queue(), broker)
        let subscription = try await broker.subscribed(to: names.all(), prefetch: 4)
        try await expectDepth(0, of: names.queue(), broker)
        try await broker.publishAll(names.messages(10))
        try await eventually("ten are there") { try await broker.depth(of: names.queue()) == 10 }
        let deliveries = try await subscription.take(4)
        try await expectDepth(10, of: names.queue(), broker)
        await subscription.acknowledge(deliveries)
        try await eventually("four are gone") { try await broker.depth(of: names.queue()) == 6 }
        await subscription.close()
        try await eventually("six wait") { try await broker.depth(of: names.queue()) == 6 }
      }
    },
  ]
}
