import NIOCore
import Testing

@testable import RedisEngine

@Suite("Commands of one connection")
struct CommandQueueTests {
  private typealias Queue = CommandQueue<Int>
  private func time(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
  }
  private func makeQueue(commands: Int = 100, bytes: Int = 10_000) -> Queue {
    Queue(limits: .init(commands: commands, bytes: bytes))
  }

  @Test("are answered in their order, and written together")
  func order() throws {
    var queue = makeQueue()
    let mustWrite = try queue.enqueue([["GET", "a"]], at: time(0), deadline: time(100)) { _ in 1 }
    #expect(mustWrite, "somebody has to write")
    let mustWriteToo = try queue.enqueue([["GET", "b"], ["GET", "c"]], at: time(0), deadline: time(100)) { 2 + $0 }
    #expect(!mustWriteToo)
    let batch = queue.takeBatch(isWritable: true)
    #expect(batch.map { String(buffer: $0) } == ["a", "b", "c"].map { "*2\r\n$3\r\nGET\r\n$1\r\n\($0)\r\n" }.joined())
    let rest = queue.takeBatch(isWritable: true)
    #expect(rest == nil)
    let mustWriteAgain = try queue.enqueue([["GET", "d"]], at: time(0), deadline: time(100)) { _ in 4 }
    #expect(mustWriteAgain, "and again")
    for expected in 1...3 {
      guard case .receiver(expected) = queue.reply() else {
        Issue.record("not \(expected)")
        return
      }
    }
    guard case .unasked = queue.reply() else {
      Issue.record("a reply to a command that was not sent")
      return
    }
  }

  @Test("that are late keep their place: their reply is dropped, and the next one's is the next one's")
  func late() throws {
    var queue = makeQueue()
    _ = try queue.enqueue([["GET", "slow"]], at: time(0), deadline: time(10)) { _ in 1 }
    _ = try queue.enqueue([["GET", "b"]], at: time(5), deadline: time(100)) { _ in 2 }
    _ = queue.takeBatch(isWritable: true)
    let starts = queue.startsTicking()
    #expect(starts)
    let startsTwice = queue.startsTicking()
    #expect(!startsTwice, "once is enough")
    queue.heard(at: time(8))
    let early = queue.expire(at: time(9))
    #expect(early.receivers.isEmpty && early.goesOn)
    let expired = queue.expire(at: time(10))
    #expect(expired.receivers.map(\.receiver) == [1])
    #expect(expired.receivers.map(\.isWritten) == [true])
    #expect(!expired.isDead, "something has come since")
    let isQuiet = queue.expire(at: time(11)).receivers.isEmpty
    #expect(isQuiet, "told once")
    guard case .dropped = queue.reply(), case .receiver(2) = queue.reply() else {
      Issue.record("the order is lost")
      return
    }
    let goesOn = queue.expire(at: time(12)).goesOn
    #expect(!goesOn, "nothing is left to watch")
  }

  @Test("a peer that sends nothing at all until a command's time is up is dead, also to one that nobody waits for")
  func silence() throws {
    var queue = makeQueue()
    queue.heard(at: time(0))
    _ = try queue.enqueue([["PING"]], at: time(1), deadline: time(10)) { _ in nil }
    _ = queue.takeBatch(isWritable: true)
    let isDeadEarly = queue.expire(at: time(9)).isDead
    #expect(!isDeadEarly)
    let isDead = queue.expire(at: time(10)).isDead
    #expect(isDead)
  }

  @Test("are refused when too many wait, or too many bytes")
  func bounds() throws {
    var queue = makeQueue(commands: 3, bytes: 60)
    func refusal(_ commands: [[RESPArgument]]) -> RedisError.Code? {
      do {
        _ = try queue.enqueue(commands, at: time(0), deadline: time(10)) { $0 }
        return nil
      } catch {
        return error.code
      }
    }
    #expect(refusal([["PING"], ["PING"]]) == nil)
    #expect(refusal([["PING"], ["PING"]]) == .busy, "all of them or none")
    #expect(refusal([["SET", "k", .text(String(repeating: "x", count: 60))]]) == nil)
    for _ in 0..<2 { _ = queue.takeBatch(isWritable: true) }
    for _ in 0..<3 { _ = queue.reply() }
    #expect(refusal([["PING"]]) == .busy, "the socket has not taken them")
    queue.written(118)
    #expect(refusal([["PING"]]) == nil)
    let held = queue.takeBatch(isWritable: false)
    #expect(held == nil, "the channel is full, and says when it is not")
    let taken = queue.takeBatch(isWritable: true)
    #expect(taken != nil)
  }

  @Test("end with the connection, and it is known which of them may have been executed")
  func end() throws {
    var queue = makeQueue()
    _ = try queue.enqueue([["GET", "a"]], at: time(0), deadline: time(10)) { _ in 1 }
    _ = queue.takeBatch(isWritable: true)
    _ = try queue.enqueue([["GET", "b"]], at: time(0), deadline: time(10)) { _ in 2 }
    let waiting = queue.finish(RedisError(.unavailable, "gone"))
    #expect(waiting?.map(\.receiver) == [1, 2])
    #expect(waiting?.map(\.isWritten) == [true, false])
    let again = queue.finish(RedisError(.closed, "again"))
    #expect(again == nil, "the first reason counts")
    do {
      _ = try queue.enqueue([["PING"]], at: time(0), deadline: time(10)) { _ in 3 }
      Issue.record("a command was taken after the end")
    } catch {
      #expect(error == RedisError(.unavailable, "gone"))
    }
    let late = queue.takeBatch(isWritable: true)
    #expect(late == nil)
  }
}
