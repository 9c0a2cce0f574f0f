import Foundation
import GravityTelemetry
import Logging
import Patience
import Synchronization
import Testing

/// What is logged to a pipe, as a process's standard error mostly is.
@Suite struct LogOutputTests {
  /// A pipe that is read only once it is asked for.
  private final class TestPipe: Sendable {
    let pipe = Pipe()
    private let bytes = Mutex(Data())

    var descriptor: Int32 { pipe.fileHandleForWriting.fileDescriptor }
    var lines: [String] {
      String(decoding: bytes.withLock { $0 }, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func read() {
      Thread { [self] in
        while true {
          let more = pipe.fileHandleForReading.availableData
          guard !more.isEmpty else { return }
          bytes.withLock { $0.append(more) }
        }
      }.start()
    }
  }

  private func logger(_ output: LogOutput) -> Logger {
    Logger(label: "test") { ECSLogHandler(label: $0, service: "test", level: .info, output: output) }
  }

  /// What a line says, where it is a line that is whole.
  private func message(_ line: String) -> String? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["message"] as? String
  }

  /// How many were dropped, where a line says that.
  private func dropped(_ line: String) -> Int? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["gravity.dropped"] as? Int
  }

  @Test("lines of several that log, and blocks among them, all arrive, whole, those of one in their order")
  func whole() async throws {
    let pipe = TestPipe()
    let (output, block) = (LogOutput(descriptor: pipe.descriptor, format: .json), #"{"message":"block"}"#)
    pipe.read()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          let logger = logger(output)
          for line in 0..<200 { logger.info("\(number) \(line) \(String(repeating: "x", count: 300))") }
        }
      }
      group.addTask {
        // Longer than what a pipe takes at once.
        let lines = Array(String(repeating: block + "\n", count: 10_000).utf8)
        lines.withUnsafeBytes { output.write($0) }
      }
    }
    try await eventually("all is there") { pipe.lines.count == 10_800 }
    let messages = pipe.lines.compactMap(message)
    #expect(messages.count == 10_800)
    for number in 0..<4 {
      let numbers = messages.filter { $0.hasPrefix("\(number) ") }.compactMap { Int($0.split(separator: " ")[1]) }
      #expect(numbers == Array(0..<200))
    }
    #expect(messages.count { $0 == "block" } == 10_000)
  }

  @Test("nobody who logs waits for a pipe that is not read; what is too much is dropped and counted")
  func stalled() async throws {
    let pipe = TestPipe()
    let logger = logger(LogOutput(descriptor: pipe.descriptor, format: .json))
    // Twice of what may wait. That this comes to an end is what is tested: nobody reads.
    let count = 8_000
    for number in 0..<count { logger.info("\(number) \(String(repeating: "x", count: 1_000))") }
    pipe.read()
    try await eventually("what is not there was counted") {
      let dropped = pipe.lines.compactMap(dropped)
      return !dropped.isEmpty && pipe.lines.compactMap(message).count - dropped.count + dropped.reduce(0, +) == count
    }
    #expect(pipe.lines.count == pipe.lines.compactMap(message).count, "every line is whole")
    logger.info("again")
    try await eventually("it goes on") { pipe.lines.compactMap(message).last == "again" }
  }
}
