import Foundation
import TestServers

/// A client that others wrote, from PyPI, in a folder where it is kept between runs.
struct PythonLibrary: Sendable {
  let folder: URL
  /// As Python imports them.
  let modules: String
  /// As pip takes them.
  let requirements: [String]

  init(_ folder: String, modules: String, _ requirements: String...) {
    self.folder = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/gravity/\(folder)")
    self.modules = modules
    self.requirements = requirements
  }

  /// nil when it is not there and cannot be fetched within two minutes.
  func python() async throws -> URL? {
    let python = folder.appending(path: "bin/python")
    let quoted = requirements.map { "'\($0)'" }.joined(separator: " ")
    let commands = [
      "'\(python.path)' -c 'import \(modules)'",
      "timeout 120 sh -c \"python3 -m venv '\(folder.path)' && '\(folder.path)/bin/pip' install -q \(quoted)\"",
    ]
    for command in commands where try await Program.run(["/bin/sh", "-c", command]).end == .exited(0) {
      return python
    }
    return nil
  }
}
