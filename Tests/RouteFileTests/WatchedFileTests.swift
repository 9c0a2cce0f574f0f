import Foundation
import Patience
import Synchronization
import Testing

@testable import RouteFile

@Suite("A watched file") struct WatchedFileTests {
  /// What was told of it, and how often it was read.
  private final class Told: Sendable {
    private let state = Mutex((reads: 0, texts: [String]()))
    var texts: [String] { state.withLock(\.texts) }
    var reads: Int { state.withLock(\.reads) }
    func read() -> Int {
      state.withLock {
        $0.reads += 1
        return $0.reads
      }
    }
    func take(_ contents: Result<[UInt8], RouteSourceError>) {
      let text = (try? contents.get()).map { String(decoding: $0, as: UTF8.self) } ?? "failed"
      state.withLock { $0.texts.append(text) }
    }
  }

  private func inFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-watched-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "routes.yaml")
    try Data("one".utf8).write(to: file)
    try await body(file)
  }

  /// Follows `file` while `body` runs.
  private func following(
    _ file: WatchedFile, _ take: @escaping @Sendable (Result<[UInt8], RouteSourceError>) async -> Void,
    _ body: () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await file.follow(take) }
      defer { tasks.cancelAll() }
      try await body()
    }
  }

  @Test("what is to be read at once is, also when looks come between that and the reading")
  func hurry() async throws {
    try await inFolder { url in
      let (file, told) = (WatchedFile(url.path, every: .milliseconds(1)), Told())
      let take: @Sendable (Result<[UInt8], RouteSourceError>) async -> Void = { contents in
        told.take(contents)
        guard told.texts.count == 1 else { return }
        // Asked for while the first is being taken, and many looks before that is over.
        file.reread()
        let end = ContinuousClock.now + .milliseconds(50)
        try? await eventually("looks have come") { ContinuousClock.now > end }
      }
      try await following(file, take) {
        try await eventually("it is read again, though it is the same") { told.texts == ["one", "one"] }
      }
    }
  }

  @Test("a file that could not be read for a moment is read at the next look, and the failure is told once")
  func transient() async throws {
    try await inFolder { url in
      let told = Told()
      let file = WatchedFile(url.path, every: .milliseconds(1)) { url in
        // As when there are no descriptors left.
        if told.read() <= 3 { throw POSIXError(.EMFILE) }
        return Array(try Data(contentsOf: url))
      }
      try await following(file, { told.take($0) }) {
        try await eventually("it is read after all") { told.texts.last == "one" }
        #expect(told.texts == ["failed", "one"] && told.reads == 4)
      }
    }
  }

  @Test("a change is told, a file that goes is told once, and one that comes back as it was is told again")
  func changes() async throws {
    try await inFolder { url in
      let (file, told) = (WatchedFile(url.path, every: .milliseconds(1)), Told())
      try await following(file, { told.take($0) }) {
        try await eventually("it is read") { told.texts == ["one"] }
        try Data("two".utf8).write(to: url, options: .atomic)
        try await eventually("the change is read") { told.texts == ["one", "two"] }
        try FileManager.default.removeItem(at: url)
        try await eventually("that it is gone is told") { told.texts == ["one", "two", "failed"] }
        try Data("two".utf8).write(to: url, options: .atomic)
        try await eventually("it is read again") { told.texts == ["one", "two", "failed", "two"] }
      }
    }
  }
}
