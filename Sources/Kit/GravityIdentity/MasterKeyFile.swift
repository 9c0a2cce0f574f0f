public import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension MasterKey {
  /// The key of the environment if it is set, else of the file, which is made when there is none.
  ///
  /// - Parameters:
  ///   - environment: The value of `GRAVITY_MASTER_KEY`; an empty one counts as not set.
  ///   - file: Where the key of this machine is; its folder exists.
  /// - Throws: ``MasterKeyError`` when what is there is no key, or the file may be read by others.
  public static func load(environment: String?, file: URL) throws(MasterKeyError) -> MasterKey {
    if let environment, !environment.isEmpty {
      do { return try MasterKey(text: environment) } catch {
        throw MasterKeyError("GRAVITY_MASTER_KEY: \(error.description)")
      }
    }
    // Two processes may start at once: whoever comes second reads what the first made.
    if let key = try read(file) { return key }
    try MasterKey().create(file)
    guard let key = try read(file) else { throw MasterKeyError("\(file.path): vanished while it was being made") }
    return key
  }

  /// - Returns: nil when there is no such file.
  private static func read(_ file: URL) throws(MasterKeyError) -> MasterKey? {
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw MasterKeyError("\(file.path): cannot be read: \(reason())")
    }
    defer { close(descriptor) }
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
    guard let mode = attributes?[.posixPermissions] as? Int, attributes?[.type] as? FileAttributeType == .typeRegular
    else { throw MasterKeyError("\(file.path): is not a file") }
    guard mode & 0o077 == 0 else {
      throw MasterKeyError("\(file.path): may be read by others than its owner; chmod 600 it, or make a new key")
    }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = bytes.withUnsafeMutableBytes { readBytes(descriptor, $0) }
    guard count >= 0 else { throw MasterKeyError("\(file.path): cannot be read: \(reason())") }
    do { return try MasterKey(text: String(decoding: bytes.prefix(count), as: UTF8.self)) } catch {
      throw MasterKeyError("\(file.path): \(error.description)")
    }
  }

  /// Writes the file whole or not at all, mode 0600, and on the disk before this returns; one that is there stays.
  private func create(_ file: URL) throws(MasterKeyError) {
    let draft = "\(file.path).\(UUID().uuidString)"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw MasterKeyError("\(file.path): cannot be made: \(Self.reason())") }
    defer { unlink(draft) }
    let bytes = Array("\(text)\n".utf8)
    let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) == $0.count }
    let isDurable = isWritten && fsync(descriptor) == 0
    let failure = Self.reason()
    close(descriptor)
    guard isDurable else { throw MasterKeyError("\(file.path): cannot be written: \(failure)") }
    guard link(draft, file.path) == 0 || errno == EEXIST else {
      throw MasterKeyError("\(file.path): cannot be made: \(Self.reason())")
    }
    let folder = open(file.deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

/// `read(2)`, which ``MasterKey`` has a method of the same name for.
private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
