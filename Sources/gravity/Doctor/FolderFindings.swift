import Foundation
import GravityDiscovery
import GravityIdentity

/// The data folder, what it is on, and the master key.
enum FolderFindings {
  static func all(_ configuration: PlatformConfiguration) -> [Finding] {
    var findings = [folder(configuration)]
    if configuration.postgresURL == nil, let finding = fileSystem(configuration.dataDirectory) {
      findings.append(finding)
    }
    findings.append(masterKey(configuration))
    return findings
  }

  private static func folder(_ configuration: PlatformConfiguration) -> Finding {
    let path = configuration.dataDirectory
    do {
      let directory = try DataDirectory(path)
      let attributes = try FileManager.default.attributesOfFileSystem(forPath: directory.url.path)
      let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
      guard free > 1 << 30 else {
        return Finding(
          "folder", "data folder \(path): less than 1 GiB of disk is free",
          remedy: "free space, or move it with --data-dir")
      }
      return Finding("folder", "data folder \(path): writable, \(free >> 30) GiB free")
    } catch {
      return Finding(
        "folder", "\(error)", remedy: "choose another with --data-dir, or give yourself the right to write it")
    }
  }

  /// SQLite's locks and its log want a disk of this machine.
  private static func fileSystem(_ path: String) -> Finding? {
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    let real = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path(percentEncoded: false)
    switch fileSystemType(of: real, mounts) {
    case "tmpfs", "ramfs":
      return Finding(
        "folder", "data folder \(path): in memory (tmpfs), so everything is gone when the machine stops",
        remedy: "choose a folder on a disk with --data-dir")
    case let type? where remote.contains(type):
      return Finding(
        "folder", "data folder \(path): on a network file system (\(type)), where SQLite's locks cannot be trusted",
        remedy: "choose a folder on a disk of this machine with --data-dir, or use PostgreSQL: GRAVITY_POSTGRES_URL")
    default: return nil
    }
  }

  /// What the file system that holds the path is called, see proc(5).
  /// - Parameter mounts: as in /proc/self/mounts; empty where there is none, and then nobody knows.
  static func fileSystemType(of path: String, _ mounts: String) -> String? {
    var best: (place: String, type: String)?
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 3 else { continue }
      let place = fields[1].replacing("\\040", with: " ").replacing("\\011", with: "\t").replacing("\\134", with: "\\")
      let isAbove = place == "/" || path == place || path.hasPrefix(place + "/")
      // The last of several in one place lies over the others.
      if isAbove, place.count >= best?.place.count ?? 0 { best = (String(place), String(fields[2])) }
    }
    return best?.type
  }

  private static let remote: Set = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "lustre", "gpfs", "fuse.sshfs", "fuse.glusterfs",
    "fuse.ceph", "fuse.s3fs",
  ]

  private static func masterKey(_ configuration: PlatformConfiguration) -> Finding {
    let path = URL(filePath: configuration.dataDirectory).appending(path: "master.key")
    do {
      if let given = try configuration.layers.optional(Settings.masterKey) {
        _ = try MasterKey(text: given)
        return Finding("master key", "master key: from the environment")
      }
      guard let attributes = try? FileManager.default.attributesOfItem(atPath: path.resolvingSymlinksInPath().path)
      else {
        return Finding("master key", "master key: none yet; the first `gravity up` makes it")
      }
      let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
      guard mode == 0o600 || mode == 0o400 else {
        return Finding(
          "master key", "master key: \(path.path) has mode \(String(mode, radix: 8)): others might read or change it",
          remedy: "chmod 600 \(path.path)")
      }
      _ = try MasterKey.load(environment: nil, file: path)
      return Finding(
        "master key", "master key: \(path.path). Keep a copy elsewhere: without it, keys and secrets are lost")
    } catch {
      return Finding(
        "master key", "master key: \(error)",
        remedy: "put back the right one; a new one cannot read what the old one protects")
    }
  }
}
