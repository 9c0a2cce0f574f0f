import Foundation

/// Somebody else's program, run to its end.
enum Program {
  struct Outcome: Sendable {
    var status: Int32
    var output: String
    var errors: String
  }

  /// Where it is; nil where the machine has none.
  static func path(_ name: String) -> String? {
    ["/usr/bin/", "/usr/local/bin/", "/opt/homebrew/bin/"].map { $0 + name }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  static func run(_ name: String, _ arguments: String...) async throws -> Outcome {
    try await run(name, arguments)
  }

  static func run(_ name: String, _ arguments: [String], in folder: URL? = nil) async throws -> Outcome {
    guard let path = path(name) else { throw Unexpected(description: "\(name) is not there") }
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (output, errors) = (scratch.url("output"), scratch.url("errors"))
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    return Outcome(
      status: process.terminationStatus, output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }
}

/// A folder of a test's own.
struct Scratch: Sendable {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "gateway-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  func url(_ name: String) -> URL { folder.appending(path: name) }
  func remove() { try? FileManager.default.removeItem(at: folder) }
}

/// Certificates that nobody else trusts.
struct TestCertificate: Sendable {
  let certificate: URL
  let key: URL

  var settings: (certificate: String, key: String) { (certificate.path, key.path) }

  /// For localhost, two days from now.
  static func make(_ scratch: Scratch, _ name: String) async throws -> TestCertificate {
    let made = TestCertificate(certificate: scratch.url("\(name).crt"), key: scratch.url("\(name).key"))
    let outcome = try await Program.run(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", made.key.path,
      "-out", made.certificate.path)
    guard outcome.status == 0 else { throw Unexpected(description: outcome.errors) }
    return made
  }

  /// Takes the place of `other`, each file at once.
  func replace(_ other: TestCertificate) throws {
    for (new, old) in [(key, other.key), (certificate, other.certificate)] {
      try Data(contentsOf: new).write(to: old, options: .atomic)
    }
  }
}
