import Foundation
import Testing

/// A certificate for a gateway at 127.0.0.1, made by openssl.
struct EdgeCertificate {
  static let openssl = "/usr/bin/openssl"

  let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-tls-\(UUID().uuidString)")
  var certificate: String { folder.appending(path: "tls.crt").path }
  var key: String { folder.appending(path: "tls.key").path }
  var environment: [String: String] {
    ["GRAVITY_GATEWAY_TLS_CERTIFICATE": certificate, "GRAVITY_GATEWAY_TLS_KEY": key]
  }

  init() async throws {
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let made = try await PlatformProcess.run(
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-subj", "/CN=edge", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
      ], program: Self.openssl)
    try #require(made.code == 0, "\(made.errors)")
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}
