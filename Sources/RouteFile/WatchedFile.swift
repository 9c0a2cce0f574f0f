import Crypto
import Foundation
import Synchronization

/// A route file on disk, looked at twice a second.
///
/// By its number, size and time, so that a file that is replaced, as editors and Kubernetes do, is noticed as well as one
/// that is written to. It is read once it has stayed the same between two looks, so that a file that is still being
/// written is not taken for a whole one.
public final class WatchedFile: RouteSource {
  /// The path, as it was given.
  public let name: String
  private let interval: Duration
  private let contents: @Sendable (URL) throws -> [UInt8]
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation
  /// Whether it is to be read at once. No event of the stream, which the next look would take the place of.
  private let isHurried = Atomic(false)

  /// - Parameter path: Also what people are told that it is called.
  public convenience init(_ path: String, every interval: Duration = .milliseconds(500)) {
    self.init(path, every: interval) { url in
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      // One byte more than is taken, so that a file that is too large is told as such.
      return Array(try handle.read(upToCount: RouteFile.greatestSize + 1) ?? Data())
    }
  }

  /// - Parameter contents: Reads it.
  init(_ path: String, every interval: Duration, contents: @escaping @Sendable (URL) throws -> [UInt8]) {
    name = path
    self.interval = interval
    self.contents = contents
    (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// What stands there.
  public func read() throws(RouteSourceError) -> [UInt8] {
    do {
      return try contents(URL(filePath: name))
    } catch {
      throw RouteSourceError("\(name): the file cannot be read: \(error.localizedDescription)")
    }
  }

  /// Has it read at once, whatever it looks like from outside: for SIGHUP.
  public func reread() {
    isHurried.store(true, ordering: .releasing)
    wake.yield()
  }

  private struct Identity: Equatable {
    var number: UInt64?
    var size: UInt64?
    var modified: Date?
  }

  /// A file that cannot be read is told once, and tried again at each look.
  public func follow(_ take: @escaping @Sendable (Result<[UInt8], RouteSourceError>) async -> Void) async {
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { [interval, wake] in while (try? await Task.sleep(for: interval)) != nil { wake.yield() } }
      // Twice optional: not looked at yet, and not there. What could not be read was not taken, and is tried again at each
      // look, since it need not have been the file's fault.
      var (seen, taken, failed): (Identity??, Identity??, Identity??) = (nil, nil, nil)
      var digest: SHA256Digest?
      for await _ in wakes {
        let isHurried = isHurried.exchange(false, ordering: .acquiring)
        let now = identity()
        let isSettled = .some(now) == seen
        seen = .some(now)
        guard isHurried || isSettled && .some(now) != taken else { continue }
        let contents = Result { () throws(RouteSourceError) in try read() }
        guard case .success(let bytes) = contents else {
          digest = nil
          let isTold = .some(now) == failed
          (taken, failed) = (nil, .some(now))
          if isHurried || !isTold { await take(contents) }
          continue
        }
        (taken, failed) = (.some(now), nil)
        let hash = SHA256.hash(data: bytes)
        guard isHurried || hash != digest else { continue }
        digest = hash
        await take(contents)
      }
      tasks.cancelAll()
    }
  }

  private func identity() -> Identity? {
    let path = URL(filePath: name).resolvingSymlinksInPath().path(percentEncoded: false)
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    return Identity(
      number: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value,
      size: (attributes[.size] as? NSNumber)?.uint64Value, modified: attributes[.modificationDate] as? Date)
  }
}
