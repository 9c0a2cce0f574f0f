import Foundation
import GravityEvents
import Testing

extension ConformanceCase {
  static let feeds = [
    ConformanceCase("a feed begins, then has what is published and announced from then on") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        // Older, and of no interest to a feed.
        let queue = try await instances[1].broker.subscribed(to: names.all())
        let old = names.messages(3, "old")
        try await instances[1].broker.publishAll(old)
        var first = instances[0].broker.feed(of: ["\(names.family).#"]).makeAsyncIterator()
        var second = instances[1].broker.feed(of: [names.type("new"), names.type("told")]).makeAsyncIterator()
        #expect(await first.next() == .began)
        #expect(await second.next() == .began)
        let new = names.messages(1, "new")[0]
        let told = names.messages(1, "told")[0]
        let foreign = Names().messages(1, "new")[0]
        try await instances[1].broker.publishAll([foreign, new])
        try await instances[1].broker.announce(foreign)
        try await instances[1].broker.announce(told)
        // Each instance for itself.
        for expected in [new, told] {
          var item = await first.next()
          // On its way when the feed began.
          while case .message(let message) = item, old.contains(message) { item = await first.next() }
          #expect(item == .message(expected))
          #expect(await second.next() == .message(expected))
        }
        // An announcement is kept for nobody.
        #expect(try await queue.take(4).ids.contains(told.id) == false)
        try await expectDepth(4, of: names.queue(), instances[1].broker)
      }
    },
    ConformanceCase("a slow reader of a feed misses the oldest, and is told so") { engine in
      try await engine.with(2) { instances, _ in
        let names = Names()
        var feed = instances[0].broker.feed(of: ["\(names.family).#"]).makeAsyncIterator()
        #expect(await feed.next() == .began)
        let messages = names.messages(9_000)
        for start in stride(from: 0, to: 9_000, by: 1_000) {
          try await instances[1].broker.publishAll(Array(messages[start..<start + 1_000]))
        }
        let positions = Dictionary(uniqueKeysWithValues: messages.enumerated().map { ($1.id, $0) })
        var seen: [Int] = []
        var wasTold = false
        while seen.last != 8_999, let item = await feed.next() {
          switch item {
          case .message(let message): seen.append(try #require(positions[message.id]))
          case .began: wasTold = true
          case .interrupted: break
          }
        }
        #expect(seen.count < 9_000)
        #expect(wasTold)
        #expect(Set(seen).count == seen.count)
        // It goes on.
        let last = names.messages(1)[0]
        try await instances[1].broker.publishAll([last])
        var item = await feed.next()
        while item == .began { item = await feed.next() }
        #expect(item == .message(last))
      }
    },
    ConformanceCase("a feed ends with its reader, and the others go on") { engine in
      try await engine.with { broker in
        let names = Names()
        var staying = broker.feed(of: ["\(names.family).#"]).makeAsyncIterator()
        #expect(await staying.next() == .began)
        let leaving = Task {
          var count = 0
          for await _ in broker.feed(of: ["\(names.family).#"]) { count += 1 }
          return count
        }
        leaving.cancel()
        _ = await leaving.value
        do {
          var dropped = broker.feed(of: ["\(names.family).#"]).makeAsyncIterator()
          #expect(await dropped.next() == .began)
        }
        let messages = names.messages(2)
        try await broker.publishAll([messages[0]])
        #expect(await staying.next() == .message(messages[0]))
        try await broker.announce(messages[1])
        #expect(await staying.next() == .message(messages[1]))
      }
    },
  ]
}
