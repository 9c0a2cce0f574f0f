import Foundation
import TestServers

extension Program {
  static func run(_ name: String, _ arguments: String...) async throws -> Outcome {
    try await run([name] + arguments)
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
