import Dispatch
public import Foundation
import GravityContracts

/// The folder in which messages are files, `<id>-<kind>-<account>.txt`, mode 0600: their tokens stand there for whoever
/// may read it, so they are kept for a while only, and not longer than their account.
///
/// What somebody else put there stays.
public struct MailFiles: Sendable {
  let folder: URL
  private let retention: TimeInterval
  private let greatestCount: Int
  /// The cooperative pool is not for calls that wait for a disk.
  private let queue = DispatchQueue(label: "auth.mail")

  /// - Parameters:
  ///   - folder: Made, mode 0700, with the first message.
  ///   - retention: Seconds for which a message is kept.
  ///   - greatestCount: The oldest beyond so many go before.
  public init(folder: URL, retention: TimeInterval = 7 * 86_400, greatestCount: Int = 1_000) {
    self.folder = folder
    self.retention = retention
    self.greatestCount = greatestCount
  }

  func file(of message: AuthMessage) -> URL {
    let owner = message.account.map { "-\($0.lowercased)" } ?? ""
    return folder.appending(path: "\(message.id.lowercased)-\(message.kind.rawValue)\(owner).txt")
  }

  /// Deletes messages that are too old, too many, or of an account that is gone.
  /// - Parameter gone: Says which of these accounts are.
  /// - Returns: how many went.
  @discardableResult
  func tidy(now: Date, gone: (Set<UUID>) async throws -> Set<UUID>) async throws -> Int {
    let kept = try await onQueue { try list() }
    guard !kept.isEmpty else { return 0 }
    let gone = try await gone(Set(kept.compactMap(\.account)))
    let last = now - retention
    let doomed = kept.enumerated().filter { index, file in
      index >= greatestCount || file.writtenAt < last || file.account.map(gone.contains) == true
    }.map(\.element.url)
    return try await onQueue {
      for url in doomed {
        do { try FileManager.default.removeItem(at: url) } catch CocoaError.fileNoSuchFile {
          // Another instance was first.
        }
      }
      return doomed.count
    }
  }

  private struct File: Sendable {
    var url: URL
    var writtenAt: Date
    var account: UUID?
  }

  /// Newest first.
  private func list() throws -> [File] {
    let urls: [URL]
    do {
      urls = try FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: [.contentModificationDateKey, .isRegularFileKey])
    } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile { return [] }
    return urls.compactMap { url in
      guard let account = Self.account(inNameOf: url) else { return nil }
      // One that went a moment ago has no values.
      guard
        let values = try? url.resourceValues(forKeys: [.contentModificationDateKey, .isRegularFileKey]),
        values.isRegularFile == true, let writtenAt = values.contentModificationDate
      else { return nil }
      return File(url: url, writtenAt: writtenAt, account: account)
    }.sorted { ($0.writtenAt, $0.url.path) > ($1.writtenAt, $1.url.path) }
  }

  /// - Returns: nil for a file that is no message; one without an account is of before they were named.
  private static func account(inNameOf url: URL) -> UUID?? {
    let name = url.deletingPathExtension().lastPathComponent
    guard url.pathExtension == "txt", UUID(uuidString: String(name.prefix(36))) != nil else { return nil }
    let rest = name.dropFirst(36)
    let owner = UUID(uuidString: String(rest.suffix(36)))
    let kind = rest.dropFirst().dropLast(owner == nil ? 0 : 37)
    guard rest.first == "-", AuthMessage.Kind(rawValue: String(kind)) != nil else { return nil }
    return .some(owner)
  }

  private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }
}
