import Foundation
import GravityService

/// The folder that holds a platform's databases, keys and mail. One process at a time owns it.
struct DataDirectory: Sendable {
  let url: URL

  /// Makes the folder, mode 0700, when it is missing.
  /// - Throws: ``StartFailure`` when it cannot be made or written.
  init(_ path: String) throws {
    url = URL(filePath: path)
    do {
      try FileManager.default.createDirectory(
        at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StartFailure(.cannotCreate, "the data folder \(path) cannot be made: \(Self.reason(error))")
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw StartFailure(
        .cannotCreate, "the data folder \(path) cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  var masterKey: URL { url.appending(path: "master.key") }
  var mail: URL { url.appending(path: "mail") }
  func database(_ name: String) -> String { url.appending(path: "\(name).sqlite").relativePath }

  /// Who may use the folder at the same time.
  enum Share {
    /// `up`: one process of its kind, beside services that `serve` runs there.
    case platform
    /// `serve`: any number of them.
    case service
    /// `move`: nobody else.
    case alone
  }

  /// Keeps others out until the process ends; the lock goes with it, however it ends.
  /// - Throws: ``StartFailure`` when another process uses the folder in a way that this one cannot share.
  func lock(_ share: Share) throws {
    let path = url.appending(path: "lock").path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StartFailure(.cannotCreate, "\(path) cannot be made: \(String(cString: strerror(errno)))")
    }
    // The first byte is the platform's; the second is shared by services.
    var region = flock()
    region.l_whence = Int16(SEEK_SET)
    region.l_type = Int16(share == .service ? F_RDLCK : F_WRLCK)
    region.l_start = share == .service ? 1 : 0
    region.l_len = share == .alone ? 2 : 1
    guard fcntl(descriptor, F_SETLK, &region) == 0 else {
      throw StartFailure(
        .unavailable, "another gravity uses \(url.path); stop it, or choose another folder with --data-dir")
    }
  }

  private static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    return underlying.map { $0.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32($0.code))) : "\($0)" }
      ?? error.localizedDescription
  }
}
