import Foundation
import GravityEvents
import Patience
import RabbitMQEngine
import Synchronization
import TestServers
import Testing

/// What a broker and a network do on a bad day. The server is one for all, so they come one after the other.
@Suite(
  "RabbitMQ on a bad day", .serialized, .timeLimit(.minutes(5)), HasPrivateServer(),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_RABBITMQ_BIN is not set"))
struct BadDaysTests {
  private var server: PrivateServer { PrivateServer.current }

  @Test("a server that is killed while messages flow loses none that was confirmed")
  func killed() async throws {
    let publisher = try server.broker()
    let consumer = try server.broker()
    let load = Load()
    var feed = consumer.broker.feed(of: ["nothing.#"]).makeAsyncIterator()
    #expect(await feed.next() == .began)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await load.consume(consumer.broker) }
      try await publisher.isReady()
      try await consumer.broker.has(load.queue)
      for _ in 0..<8 { group.addTask { await load.publish(publisher.broker) } }
      try await server.hasWrittenDown(load.queue)
      try await load.promised(more: 500)
      try await server.crash()
      try await load.promised(more: 500)
      #expect(await feed.next() == .interrupted)
      #expect(await feed.next() == .began)
      try await load.isDelivered()
      group.cancelAll()
    }
    #expect(load.longest < .seconds(10))
    #expect(publisher.broker.trouble == nil)
    await publisher.end()
    await consumer.end()
  }

  @Test("a frozen server holds nobody beyond the time-out, and is used again when it thaws", arguments: [100, 65_536])
  func frozen(_ size: Int) async throws {
    let running = try server.broker { $0.heartbeat = .seconds(5) }
    let load = Load()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    try await running.isReady()
    try await running.broker.has(load.queue)
    try await server.freeze()
    // Large ones fill the socket, so that the thread itself is stuck while it writes.
    let failures = await withTaskGroup(of: BrokerError?.self) { group in
      for _ in 0..<40 {
        group.addTask {
          await failure { try await running.broker.publish((0..<10).map { _ in load.message(size: size) }) }
        }
      }
      group.addTask { await failure { try await running.broker.depth(of: load.queue.name) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(failures.allSatisfy { $0?.isUnavailable == true }, "\(failures)")
    try await eventually("the trouble is known") { running.broker.trouble != nil }
    #expect(await failure { try await running.broker.announce(load.message()) }?.isUnavailable == true)
    let start = ContinuousClock.now
    await subscription.close()
    #expect(ContinuousClock.now - start < .seconds(30))
    // Another one is ended while the server is frozen.
    let ended = try server.broker()
    #expect(await ended.end() < .seconds(8))
    server.signal(SIGCONT)
    try await running.isReady()
    async let consuming: Void = load.consume(running.broker)
    async let publishing: Void = load.publish(running.broker)
    try await load.promised(more: 50)
    try await load.isDelivered()
    await running.end()
    await consuming
    withUnsafeCurrentTask { $0?.cancel() }
    await publishing
  }

  @Test("the run ends in time though the connected peer froze")
  func endWhileFrozen() async throws {
    let running = try server.broker()
    let load = Load()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    try await running.isReady()
    try await running.broker.has(load.queue)
    try await server.freeze()
    async let publishing = failure {
      try await running.broker.publish((0..<1_000).map { _ in load.message(size: 65_536) })
    }
    try await server.isStuffed()
    let elapsed = await running.end()
    server.signal(SIGCONT)
    #expect(elapsed < .seconds(30))
    #expect(await publishing != nil)
    #expect(await failure { try await subscription.next(atMost: 1) } == .closed)
  }

  @Test("a network that swallows everything is noticed by heartbeats, though nobody publishes, and got over")
  func blackHole() async throws {
    let proxy = try TCPProxy(to: server.port)
    let running = try server.broker(port: proxy.port) { $0.heartbeat = .seconds(1) }
    let load = Load()
    var feed = running.broker.feed(of: ["nothing.#"]).makeAsyncIterator()
    try await running.isReady()
    #expect(await feed.next() == .began)
    proxy.hold(toServer: true, toClient: true)
    try await eventually("the trouble is known") { running.broker.trouble != nil }
    #expect(await feed.next() == .interrupted)
    #expect(await failure { try await running.broker.publish([load.message()]) }?.isUnavailable == true)
    proxy.hold(toServer: false, toClient: false)
    try await running.isReady()
    #expect(await feed.next() == .began)
    // Only what we say is lost: the server ends the connection, and we hear of it.
    proxy.hold(toServer: true, toClient: false)
    try await eventually("the trouble is known") { running.broker.trouble != nil }
    proxy.hold(toServer: false, toClient: false)
    try await running.isReady()
    #expect(try await running.broker.publish([load.message()]).count == 1)
    await running.end()
    proxy.close()
  }

  @Test("a broker that is short of memory takes nothing and says so, is consumed from, and goes on later")
  func memoryAlarm() async throws {
    let running = try server.broker()
    let load = Load()
    try await running.isReady()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    try await running.broker.has(load.queue)
    let messages = (0..<50).map { _ in load.message() }
    #expect(try await running.broker.publish(messages).count == 50)
    try await server.control("set_vm_memory_high_watermark", "0.0000001")
    try await eventually("publishing is refused") {
      await failure { try await running.broker.publish([load.message()]) }?.isUnavailable == true
    }
    #expect(running.broker.trouble?.contains("memory") == true, "\(running.broker.trouble ?? "none")")
    #expect(await failure { try await running.broker.announce(load.message()) }?.isUnavailable == true)
    // All of this while it is short of memory.
    var seen: Set<UUID> = []
    while !seen.isSuperset(of: messages.map(\.id)) {
      let deliveries = try await subscription.next(atMost: 10)
      seen.formUnion(deliveries.map(\.message.id))
      await subscription.acknowledge(deliveries)
    }
    // Held back by us, and sent when it can be.
    async let late = running.broker.publish([load.message()])
    try await server.control("set_vm_memory_high_watermark", "0.4")
    _ = try? await late
    try await running.isReady()
    #expect(try await running.broker.publish([load.message()]).count == 1)
    await running.end()
  }

  @Test("a queue that is deleted under its consumer is made again")
  func deletedQueue() async throws {
    let running = try server.broker()
    let load = Load()
    try await running.isReady()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    try await running.broker.has(load.queue)
    #expect(try await running.broker.publish([load.message()]).count == 1)
    let old = try await subscription.next(atMost: 1)
    try await server.control("delete_queue", load.queue.name)
    try await eventually("the queue is there again") { try await running.broker.depth(of: load.queue.name) == 0 }
    // Of a message that is gone: it must not settle another one.
    await subscription.acknowledge(old)
    let message = load.message()
    #expect(try await running.broker.publish([message]).count == 1)
    let new = try await subscription.next(atMost: 1)
    #expect(new.map(\.message) == [message])
    try await withKnownDepth(1, load.queue.name, running.broker)
    await subscription.acknowledge(new)
    try await eventually("it is settled") { try await running.broker.depth(of: load.queue.name) == 0 }
    await running.end()
  }

  @Test("a wrong password is refused at once, in plain words and without the password")
  func wrongPassword() async throws {
    let running = try server.broker(password: "not-so-s%C3%A9cret")
    try await eventually("the trouble is known") { running.broker.trouble?.contains("ACCESS_REFUSED") == true }
    let error = await failure { try await running.broker.publish([Load().message()]) }
    #expect(error?.isRefused == true)
    #expect(await failure { try await running.broker.depth(of: "q") } != nil)
    try await eventually("it is logged") { running.log.text.contains("ACCESS_REFUSED") }
    for text in [running.log.text, "\(error!)", running.broker.trouble ?? ""] {
      #expect(!text.contains("so-s"))
    }
    #expect(await running.end() < .seconds(8))
  }

  @Test("a broker that comes later is found, and what waited for it is published")
  func comesLater() async throws {
    let port = try TCPProxy.freePort()
    let running = try server.broker(port: port) { $0.publishTimeout = .seconds(30) }
    let load = Load()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    async let early = running.broker.publish([load.message()])
    try await eventually("the trouble is known") { running.broker.trouble?.contains("cannot be reached") == true }
    let proxy = try TCPProxy(to: server.port, port: port)
    #expect(try await early.count == 1)
    try await running.broker.has(load.queue)
    let message = load.message()
    #expect(try await running.broker.publish([message]).count == 1)
    var seen: Set<EventMessage> = []
    while !seen.contains(message) { seen.formUnion(try await subscription.next(atMost: 10).map(\.message)) }
    await running.end()
    proxy.close()
  }

  @Test("a queue of another kind under that name is left alone, told, and harms no other subscription")
  func foreignQueue() async throws {
    let running = try server.broker()
    try await running.isReady()
    let (foreign, own) = (Load(), Load())
    try await server.control(
      "eval",
      "rabbit_amqqueue:declare({resource, <<\"/\">>, queue, <<\"\(foreign.queue.name)\">>}, true, false, [], none, <<\"guest\">>)."
    )
    let refused = running.broker.subscribe(to: foreign.queue, prefetch: 10)
    try await eventually("it is told") { running.log.text.contains("PRECONDITION_FAILED") }
    let subscription = running.broker.subscribe(to: own.queue, prefetch: 10)
    try await running.broker.has(own.queue)
    #expect(try await running.broker.publish([own.message()]).count == 1)
    #expect(try await subscription.next(atMost: 1).count == 1)
    #expect(running.broker.trouble == nil)
    try await server.control("delete_queue", foreign.queue.name)
    async let first = refused.next(atMost: 1)
    try await eventually("it takes messages") {
      _ = try await running.broker.publish([foreign.message()])
      return try await running.broker.depth(of: foreign.queue.name) ?? 0 > 0
    }
    #expect(try await first.count == 1)
    await running.end()
  }

  @Test("a reader behind a slow network is told what the broker has dropped for it")
  func slowNetwork() async throws {
    let proxy = try TCPProxy(to: server.port)
    let reader = try server.broker(port: proxy.port) { $0.heartbeat = .seconds(60) }
    let writer = try server.broker { $0.publishTimeout = .seconds(20) }
    let load = Load()
    let heard = Heard()
    let feed = reader.broker.feed(of: ["\(load.family).#"])
    let reading = Task { for await item in feed { heard.note(item) } }
    try await eventually("the feed has begun") { heard.beginnings == 1 }
    try await reader.isReady()
    proxy.hold(toServer: false, toClient: true)
    // More than fits into the sockets on the way and the 4 096 that the broker keeps.
    for _ in 0..<12 {
      let messages = (0..<1_000).map { _ in load.message(size: 4_000) }
      #expect(try await writer.broker.publish(messages).count == 1_000)
    }
    let last = load.message()
    #expect(try await writer.broker.publish([last]).count == 1)
    proxy.hold(toServer: false, toClient: false)
    // A server that could write nothing for 15 seconds has ended the connection, and the queue with what was in it: what
    // comes after the reader was told of that it has to hear.
    var told = 1
    try await eventually("it hears of the last one") {
      if heard.beginnings > told {
        told = heard.beginnings
        let published = try await writer.broker.publish([last]).count
        #expect(published == 1)
      }
      return heard.has(last)
    }
    // The notice may come behind the messages.
    try await eventually("it is told") { heard.beginnings > 1 }
    #expect(heard.count < 12_001)
    await reader.end()
    await writer.end()
    proxy.close()
    await reading.value
  }
}

/// What a feed has brought.
private final class Heard: Sendable {
  private let state = Mutex((beginnings: 0, messages: Set<UUID>()))

  var beginnings: Int { state.withLock { $0.beginnings } }
  var count: Int { state.withLock { $0.messages.count } }

  func note(_ item: EventFeedItem) {
    state.withLock { state in
      switch item {
      case .began: state.beginnings += 1
      case .interrupted: break
      case .message(let message): state.messages.insert(message.id)
      }
    }
  }

  func has(_ message: EventMessage) -> Bool { state.withLock { $0.messages.contains(message.id) } }
}

extension RabbitMQBroker {
  /// Waits until the queue is there.
  func has(_ queue: EventQueue) async throws {
    try await eventually("the queue is there") { (try? await depth(of: queue.name)) ?? nil != nil }
  }
}

private func withKnownDepth(_ expected: Int, _ queue: String, _ broker: RabbitMQBroker) async throws {
  let depth = try await broker.depth(of: queue)
  #expect(depth == expected)
}
