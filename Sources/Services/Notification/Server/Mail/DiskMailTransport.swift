import Dispatch
public import Foundation
import GravityContracts

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Each mail is a file, `<day>/<delivery's id>.eml`, mode 0600, that every mail program opens.
///
/// A mail that comes twice overwrites itself, so there is one file. A file is written beside its place and renamed, so
/// it is there whole or not at all, also after kill −9. The copy that outlives a power cut is the one in notif_db,
/// which is committed together with the state `sent`; files are flushed to disk only where that is asked for, since
/// that costs more than all the rest of a mail.
public struct DiskMailTransport: MailTransport {
  private let folder: URL
  private let flushes: Bool
  /// The cooperative pool is not for calls that wait for a disk.
  private let queue: DispatchQueue

  /// - Parameters:
  ///   - folder: Made, mode 0700, with the first mail.
  ///   - flushes: Whether files outlive a power cut, too: each is flushed, and their folder once for all the mails of
  ///     a call.
  public init(folder: URL, flushes: Bool = false) {
    self.folder = folder
    self.flushes = flushes
    queue = DispatchQueue(label: "notification.mail", attributes: .concurrent)
  }

  public func send(_ mails: [Mail]) async -> [SendOutcome] {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: write(mails)) }
    }
  }

  public func erase(_ ids: [UUID]) async throws {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try remove(ids) }) }
    }
  }

  /// Where the mail is or will be. The day is that of the id, so that it is the same for ever.
  public func file(_ id: UUID) -> URL { folder.appending(path: "\(Self.day(id))/\(id.lowercased).eml") }

  private func write(_ mails: [Mail]) -> [SendOutcome] {
    var outcomes = [SendOutcome?](repeating: nil, count: mails.count)
    for (day, indices) in Dictionary(grouping: mails.indices, by: { Self.day(mails[$0].id) }) {
      do {
        let place = try DayFolder.made(folder, day)
        var written: [Int] = []
        for index in indices {
          do {
            try place.write(mails[index].bytes, as: "\(mails[index].id.lowercased).eml", flushes: flushes)
            written.append(index)
          } catch { outcomes[index] = .failed("\(error)") }
        }
        if flushes { try place.flush() }
        for index in written { outcomes[index] = .sent }
      } catch {
        for index in indices where outcomes[index] == nil { outcomes[index] = .failed("\(error)") }
      }
    }
    return outcomes.map { $0 ?? .failed("it was not written") }
  }

  private func remove(_ ids: [UUID]) throws {
    for (day, ids) in Dictionary(grouping: ids, by: Self.day) {
      guard let place = try DayFolder.existing(folder, day) else { continue }
      for id in ids { try place.remove("\(id.lowercased).eml") }
      try place.flush()
    }
  }

  /// `2026-01-31`, of a version 7 UUID.
  static func day(_ id: UUID) -> String {
    let bytes = withUnsafeBytes(of: id.uuid) { Array($0.prefix(6)) }
    let milliseconds = bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) }
    return String(WireTime.string(Date(microsecondsSince1970: milliseconds * 1_000)).prefix { $0 != "T" })
  }
}

/// An open folder in which files appear whole or not at all.
private final class DayFolder {
  private let descriptor: CInt

  private init(_ descriptor: CInt) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  /// Made if there is none.
  static func made(_ parent: URL, _ day: String) throws -> DayFolder {
    let path = parent.appending(path: day).path(percentEncoded: false)
    if let descriptor = try open(path) { return DayFolder(descriptor) }
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    // The new entry, too, has to be there after a power cut.
    if let above = try open(parent.path(percentEncoded: false)) { try DayFolder(above).flush() }
    guard let descriptor = try open(path) else { throw FileFailure("open", path, ENOENT) }
    return DayFolder(descriptor)
  }

  static func existing(_ parent: URL, _ day: String) throws -> DayFolder? {
    try open(parent.appending(path: day).path(percentEncoded: false)).map { DayFolder($0) }
  }

  private static func open(_ path: String) throws -> CInt? {
    let descriptor = systemOpen(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor >= 0 { return descriptor }
    guard errno == ENOENT else { throw FileFailure("open", path, errno) }
    return nil
  }

  func write(_ bytes: [UInt8], as name: String, flushes: Bool) throws {
    // Another attempt may write the same mail at this moment.
    let temporary = ".\(name).\(UInt64.random(in: .min ... .max))"
    let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(0o600))
    guard file >= 0 else { throw FileFailure("create", name, errno) }
    defer { close(file) }
    do {
      try bytes.withUnsafeBytes { buffer in
        var rest = buffer[...]
        while !rest.isEmpty {
          let count = systemWrite(file, rest.baseAddressOfSlice, rest.count)
          if count < 0, errno == EINTR { continue }
          guard count >= 0 else { throw FileFailure("write", name, errno) }
          rest = rest.dropFirst(count)
        }
      }
      guard !flushes || fdatasync(file) == 0 else { throw FileFailure("flush", name, errno) }
      guard renameat(descriptor, temporary, descriptor, name) == 0 else { throw FileFailure("rename", name, errno) }
    } catch {
      unlinkat(descriptor, temporary, 0)
      throw error
    }
  }

  func remove(_ name: String) throws {
    guard unlinkat(descriptor, name, 0) != 0 else { return }
    guard errno == ENOENT else { throw FileFailure("delete", name, errno) }
  }

  func flush() throws { guard fsync(descriptor) == 0 else { throw FileFailure("flush", "the folder", errno) } }
}

extension Slice where Base == UnsafeRawBufferPointer {
  fileprivate var baseAddressOfSlice: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}

private func systemOpen(_ path: String, _ flags: CInt) -> CInt { open(path, flags) }
private func systemWrite(_ file: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(file, bytes, count) }

private struct FileFailure: Error, CustomStringConvertible {
  let description: String
  init(_ action: String, _ name: String, _ code: CInt) {
    description = "cannot \(action) \(name): \(String(cString: strerror(code)))"
  }
}
