import Crypto
import Foundation

/// A route file on disk, looked at twice a second.
///
/// By its number, size and time, so that a file that is replaced, as editors and Kubernetes do, is noticed as well as one
/// that is written to. It is read once it has stayed the same between two looks, so that a file that is still being
/// written is not taken for a whole one.
public final class WatchedFile: RouteSource {
  public let name: String
  private let interval: Duration
  private let hurries: AsyncStream<Void>
  private let hurry: AsyncStream<Void>.Continuation

  /// - Parameter path: Also what people are told that it is called.
  public init(_ path: String, every interval: Duration = .milliseconds(500)) {
    name = path
    self.interval = interval
    (hurries, hurry) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// What stands there.
  public func read() throws(RouteSourceError) -> [UInt8] {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: name))
      defer { try? handle.close() }
      // One byte more than is taken, so that a file that is too large is told as such.
      return Array(try handle.read(upToCount: RouteFile.greatestSize + 1) ?? Data())
    } catch {
      throw RouteSourceError("\(name): the file cannot be read: \(error.localizedDescription)")
    }
  }

  /// Has it read at once, whatever it looks like from outside: for SIGHUP.
  public func reread() { hurry.yield() }

  private struct Identity: Equatable {
    var number: UInt64?
    var size: UInt64?
    var modified: Date?
  }

  private enum Event { case look, hurry }

  public func follow(_ take: @escaping @Sendable (Result<[UInt8], RouteSourceError>) async -> Void) async {
    let (events, event) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { [hurries] in for await _ in hurries { event.yield(.hurry) } }
      tasks.addTask { [interval] in
        while (try? await Task.sleep(for: interval)) != nil { event.yield(.look) }
      }
      // Twice optional: not looked at yet, and not there.
      var (seen, taken): (Identity??, Identity??) = (nil, nil)
      var digest: SHA256Digest?
      for await event in events {
        let now = identity()
        let isSettled = .some(now) == seen
        seen = .some(now)
        guard event == .hurry || isSettled && .some(now) != taken else { continue }
        taken = .some(now)
        let contents = Result { () throws(RouteSourceError) in try read() }
        guard case .success(let bytes) = contents else {
          digest = nil
          await take(contents)
          continue
        }
        let hash = SHA256.hash(data: bytes)
        guard event == .hurry || hash != digest else { continue }
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
