// Prints `RabbitMQEngine publish` and `RabbitMQEngine consume`: what, messages a second, CPU µs a message.
// The same message, queue, and bound on what is under way as in aiopika_bench.py.
//
//   brokerbench amqp://guest:guest@127.0.0.1:5672/

import Foundation
import GravityEvents
import RabbitMQEngine

let (count, batch, publishers, prefetch) = (50_000, 100, 10, 500)
let queue = EventQueue("bench.\(UUID().uuidString.prefix(8).lowercased())", patterns: ["bench.#"])
let body = [UInt8](repeating: UInt8(ascii: "x"), count: 256)

/// Of all threads, in seconds.
func processTime() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

func measure(_ what: String, _ work: () async throws -> Void) async throws {
  let (cpu, start) = (processTime(), ContinuousClock.now)
  try await work()
  let elapsed = (ContinuousClock.now - start) / .seconds(1)
  let each = (processTime() - cpu) / Double(count) * 1e6
  print("\(what)\t\(Int(Double(count) / elapsed))\t\(Int(each.rounded()))")
}

func open() async throws -> (RabbitMQBroker, Task<Void, any Error>) {
  var configuration = RabbitMQBroker.Configuration()
  configuration.exchange = "bench.events"
  let broker = try RabbitMQBroker(url: CommandLine.arguments[1], configuration: configuration)
  let running = Task { try await broker.run() }
  while broker.trouble != nil { try await Task.sleep(for: .milliseconds(10)) }
  return (broker, running)
}

guard CommandLine.arguments.count == 2 else {
  print("usage: brokerbench amqp://guest:guest@127.0.0.1:5672/")
  exit(64)
}
let (publisher, publishing) = try await open()
await publisher.subscribe(to: queue, prefetch: 1).close()
let early = publisher.subscribe(to: queue, prefetch: 1)
while try await publisher.depth(of: queue.name) == nil { try await Task.sleep(for: .milliseconds(10)) }
await early.close()

try await measure("RabbitMQEngine publish, confirmed") {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 0..<publishers {
      group.addTask {
        for _ in 0..<count / batch / publishers {
          var messages = (0..<batch).map { _ in EventMessage(id: UUID(), type: "bench.happened.v1", body: body) }
          while !messages.isEmpty {
            let safe = try await publisher.publish(messages)
            messages.removeAll { safe.contains($0.id) }
          }
        }
      }
    }
    try await group.waitForAll()
  }
}
publishing.cancel()
try await publishing.value

let (consumer, consuming) = try await open()
try await measure("RabbitMQEngine consume, acknowledged") {
  let subscription = consumer.subscribe(to: queue, prefetch: prefetch)
  var handled = 0
  while handled < count {
    let deliveries = try await subscription.next(atMost: 100)
    await subscription.acknowledge(deliveries)
    handled += deliveries.count
  }
  await subscription.close()
}
consuming.cancel()
try await consuming.value
