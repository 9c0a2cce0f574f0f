import Foundation
import Testing

private let curl = "/usr/bin/curl"

/// The whole platform behind a gateway that speaks TLS, as the settings have it.
@Suite(
  .timeLimit(.minutes(3)),
  .enabled(
    if: [EdgeCertificate.openssl, curl].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) },
    "openssl or curl is missing"))
struct EdgeTLSTests {
  @Test("curl registers and signs in over HTTP/2, plain HTTP gets nothing, and doctor knows the port as its own")
  func platform() async throws {
    let certificate = try await EdgeCertificate()
    defer { certificate.remove() }
    let platform = try await PlatformProcess.up(environment: certificate.environment)
    defer { platform.remove() }
    let base = "127.0.0.1:\(platform.portOffset + 8_000)"
    func ask(_ arguments: String...) async throws -> String {
      let outcome = try await PlatformProcess.run(
        ["-sS", "--max-time", "20", "--cacert", certificate.certificate, "-w", "\n%{http_version} %{http_code}"]
          + arguments, program: curl)
      return outcome.output
    }
    let account = #"{"email":"edge@example.com","password":"quiet-orange-window-7","name":"Edge"}"#
    let registered = try await ask(
      "https://\(base)/api/v1/auth/register", "-H", "content-type: application/json", "-d", account)
    #expect(registered.hasSuffix("\n2 201") || registered.hasSuffix("\n2 202"), "\(registered)")
    let tokens = try await ask(
      "--http1.1", "https://\(base)/api/v1/auth/login", "-H", "content-type: application/json", "-d",
      #"{"email":"edge@example.com","password":"quiet-orange-window-7"}"#)
    #expect(tokens.hasSuffix("\n1.1 200") && tokens.contains("access_token"), "\(tokens)")
    // A browser that comes without TLS is told nothing that it could take for an answer.
    let plain = try await ask("http://\(base)/health/live")
    #expect(plain.hasSuffix(" 000"), "\(plain)")

    let doctor = try await PlatformProcess.run(
      ["doctor", "--data-dir", platform.folder.path, "--port-offset", "\(platform.portOffset)"],
      environment: certificate.environment)
    #expect(
      doctor.output.contains("port \(platform.portOffset + 8_000) for gateway: taken by a gravity that runs"),
      "\(doctor.output)")
    #expect(await platform.stop() == 0)
  }

  @Test("a certificate that cannot be used ends the start with what is wrong with it")
  func unusable() async throws {
    let certificate = try await EdgeCertificate()
    defer { certificate.remove() }
    try Data("no key".utf8).write(to: URL(filePath: certificate.key))
    let outcome = try await PlatformProcess.run(["up"], environment: certificate.environment)
    #expect(outcome.code == 78, "\(outcome)")
    #expect(outcome.errors.contains(certificate.key), "\(outcome.errors)")
  }

  @Test("a gateway alone takes the same settings; one without its key does not start")
  func alone() async throws {
    let certificate = try await EdgeCertificate()
    defer { certificate.remove() }
    let file = certificate.folder.appending(path: "routes.yaml")
    try Data("routes:\n  - {name: none, path: /none, upstreams: [\"http://127.0.0.1:1\"], access: public}\n".utf8)
      .write(to: file)
    let gateway = try await PlatformProcess.serve("gateway", routes: file.path, environment: certificate.environment)
    defer { gateway.remove() }
    let base = "127.0.0.1:\(gateway.portOffset + 8_000)"
    let ask = ["-sS", "--max-time", "20", "--cacert", certificate.certificate, "-w", "%{http_version} %{http_code}"]
    let answer = try await PlatformProcess.run(ask + ["-o", "/dev/null", "https://\(base)/none"], program: curl)
    #expect(answer.output == "2 502", "\(answer.output)\(answer.errors)")
    let plain = try await PlatformProcess.run(ask + ["http://\(base)/none"], program: curl)
    #expect(plain.output.hasSuffix(" 000"), "\(plain.output)")
    #expect(await gateway.stop() == 0)
    let half = try await PlatformProcess.run(
      ["serve", "gateway", "--routes", file.path],
      environment: ["GRAVITY_GATEWAY_TLS_CERTIFICATE": certificate.certificate])
    #expect(half.code == 78 && half.errors.contains("GRAVITY_GATEWAY_TLS_KEY is not"), "\(half.errors)")
  }
}
