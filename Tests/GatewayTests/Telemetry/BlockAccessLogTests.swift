import Dispatch
import Foundation
import GravityTelemetry
import Logging
import NIOCore
import Patience
import ServiceLifecycle
import Synchronization
import Testing

@testable import Gateway

@Suite("Access log in blocks") struct BlockAccessLogTests {
  /// Keeps what is written, in the pieces in which it came.
  private final class Kept: Sendable {
    private let pieces = Mutex<[String]>([])
    func write(_ bytes: UnsafeRawBufferPointer) {
      let piece = String(decoding: bytes, as: UTF8.self)
      pieces.withLock { $0.append(piece) }
    }
    var all: [String] { pieces.withLock { $0 } }
    var lines: [String] { all.joined().split(separator: "\n").map(String.init) }
  }

  private func entry(loop: Int = 0, _ path: String = "/items", route: String? = "items.list") -> AccessEntry {
    AccessEntry(
      loop: loop, method: "GET", pathBytes: ByteBuffer(string: path), status: 200, duration: 1_500,
      clientAddress: "192.0.2.7", traceID: (1, 2), spanID: 3, requestIDBytes: Array("id-1".utf8), route: route,
      upstream: "items-1", responseBodyBytes: 12, refusal: nil, httpVersion: "1.1", tlsVersion: nil)
  }

  @Test("what several event loops record is all there, in whole lines, those of each in their order")
  func whole() async throws {
    let (kept, loops, count) = (Kept(), 3, 3_000)
    let log = BlockAccessLog(loops: loops) { kept.write($0) }
    await withTaskGroup(of: Void.self) { group in
      for loop in 0..<loops {
        group.addTask { for number in 0..<count { log.record(self.entry(loop: loop, "/\(loop)/\(number)")) } }
      }
      // Who empties the blocks comes in between all the time.
      group.addTask { for _ in 0..<200 { log.flush() } }
    }
    log.flush()
    try await eventually("all is written") { kept.lines.count >= loops * count }
    #expect(kept.all.allSatisfy { $0.hasSuffix("\n") }, "a block ends where a line does")
    var next = Array(repeating: 0, count: loops)
    for line in kept.lines {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let parts = try #require(object["url.path"] as? String).split(separator: "/").compactMap { Int($0) }
      #expect(parts[1] == next[parts[0]])
      next[parts[0]] = parts[1] + 1
    }
    #expect(next == Array(repeating: count, count: loops))
    #expect(log.droppedLines == 0)
  }

  @Test("while nothing can be written, so much is kept and the rest dropped, counted and held against nobody")
  func bounded() async throws {
    let (kept, gate, metrics) = (Kept(), DispatchSemaphore(value: 0), KeptMetrics())
    let log = BlockAccessLog(loops: 2, metricsFactory: metrics) { bytes in
      gate.wait()
      gate.signal()
      kept.write(bytes)
    }
    // A path of 8 KiB, so that 24 MiB are few lines.
    let path = "/" + String(repeating: "x", count: 8_191)
    let count = 3_000
    for number in 0..<count { log.record(entry(loop: number % 2, path)) }
    let dropped = log.droppedLines
    #expect(dropped > 0)
    #expect(metrics.value("gateway.access_log.dropped") == Double(dropped))
    // What waits is 16 MiB, and a block of each loop.
    #expect((count - dropped) * path.utf8.count < (16 << 20) + 4 * 65_536)
    gate.signal()
    log.flush()
    try await eventually("what was kept is written") { kept.lines.count == count - dropped }
    log.record(entry())
    log.flush()
    try await eventually("it goes on") { kept.lines.count == count - dropped + 1 }
    #expect(log.droppedLines == dropped)
  }

  @Test("for a person a line is what a logger would say, and nothing makes two lines of one")
  func text() async throws {
    let kept = Kept()
    let threshold = LogThreshold(.info)
    let log = BlockAccessLog(format: .text, threshold: threshold, loops: 1, clock: { 1_769_851_800.25 }) {
      kept.write($0)
    }
    log.record(entry())
    log.record(entry(route: "a\nb"))
    threshold.level = .warning
    log.record(entry())
    log.flush()
    try await eventually("it is written") { kept.lines.count == 2 }
    let expected = """
      09:30:00.250 INFO     gateway: request client.address=192.0.2.7 event.duration=1500 \
      gravity.route=items.list gravity.upstream=items-1 http.request.id=id-1 http.request.method=GET \
      http.response.body.bytes=12 http.response.status_code=200 http.version=1.1 \
      trace.id=00000000000000010000000000000002 url.path=/items
      """
    #expect(kept.lines.first == expected)
    #expect(kept.lines.last?.contains("gravity.route=a\\nb ") == true)
  }

  @Test("what is recorded before it ends is written when it has ended")
  func end() async throws {
    let kept = Kept()
    let log = BlockAccessLog(loops: 1) { kept.write($0) }
    let group = ServiceGroup(services: [log], logger: RunningGateway.quiet)
    async let running: Void = group.run()
    log.record(entry())
    await group.triggerGracefulShutdown()
    try await running
    #expect(kept.lines.count == 1)
  }
}
