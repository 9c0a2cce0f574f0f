import Foundation
import Gateway
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Patience
import TestServers
import Testing

@testable import Gateway

@Suite("TLS", .enabled(if: Program.path("openssl") != nil && Program.path("curl") != nil, "openssl or curl is missing"))
struct TLSTests {
  /// A gateway that speaks TLS with a certificate for localhost of that name.
  private func run(
    _ upstream: ScriptedUpstream, log: KeptLog = KeptLog(),
    configure: @escaping @Sendable (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningGateway, TestCertificate, Scratch) async throws -> Void
  ) async throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let certificate = try await TestCertificate.make(scratch, "first")
    try await RunningGateway.run(
      [upstream], logger: log.logger,
      configure: { configuration in
        configuration.tls = TLSSettings(
          certificateFile: certificate.certificate.path, keyFile: certificate.key.path)
        configuration.tls?.reloadInterval = .milliseconds(50)
        configure(&configuration)
      }
    ) { try await body($0, certificate, scratch) }
  }

  private func curl(
    _ gateway: RunningGateway, _ certificate: TestCertificate, _ path: String, _ more: String...
  ) async throws -> Program.Outcome {
    try await Program.run(
      [
        "curl", "-sS", "--max-time", "20", "--cacert", certificate.certificate.path, "-w",
        "\n%{http_version} %{http_code}",
      ]
        + more + ["https://localhost:\(gateway.port)\(path)"])
  }

  @Test("curl gets an answer by HTTP/2 and by HTTP/1.1, as it asks, and services hear of https")
  func curls() async throws {
    try await run(try await ScriptedUpstream { .ok($0.header("x-forwarded-proto") ?? "", headers: "x-a: b\r\n") }) {
      gateway, certificate, _ in
      let two = try await curl(gateway, certificate, "/items", "--http2")
      #expect(two.output == "https\n2 200", "\(two)")
      let one = try await curl(gateway, certificate, "/items", "--http1.1")
      #expect(one.output == "https\n1.1 200", "\(one)")
      let none = try await curl(gateway, certificate, "/items", "--no-alpn")
      #expect(none.output == "https\n1.1 200", "\(none)")
      let head = try await curl(gateway, certificate, "/items", "--http1.1", "-o", "/dev/null", "-D", "-")
      #expect(head.output.lowercased().contains("strict-transport-security: max-age="), "\(head)")
      let entries = gateway.log.entries
      #expect(entries.map(\.httpVersion) == ["2", "1.1", "1.1", "1.1"])
      #expect(entries.allSatisfy { $0.tlsVersion == "1.3" })
    }
  }

  @Test("bodies of some megabytes go both ways by HTTP/2")
  func large() async throws {
    let size = 6 << 20
    try await run(
      try await ScriptedUpstream(keepsBodies: false) { $0.head.hasPrefix("POST") ? .ok("taken") : .large(size) }
    ) { gateway, certificate, scratch in
      let file = scratch.url("body")
      try Data(repeating: 0x61, count: size).write(to: file)
      let up = try await curl(gateway, certificate, "/items", "--http2", "--data-binary", "@\(file.path)")
      #expect(up.output == "taken\n2 200", "\(up.errors)")
      let down = try await curl(gateway, certificate, "/items", "--http2", "-o", scratch.url("got").path)
      #expect(down.output == "\n2 200", "\(down.errors)")
      #expect(try Data(contentsOf: scratch.url("got")).count == size)
    }
  }

  @Test("without HTTP/2 it is not offered")
  func onlyOne() async throws {
    try await run(try await ScriptedUpstream { _ in .ok() }, configure: { $0.http2.isEnabled = false }) {
      gateway, certificate, _ in
      let outcome = try await curl(gateway, certificate, "/items", "--http2")
      #expect(outcome.output == "{}\n1.1 200")
    }
  }

  @Test("TLS 1.1 is refused, 1.2 is taken unless 1.3 is asked for, and plain HTTP is not answered")
  func versions() async throws {
    try await run(try await ScriptedUpstream { _ in .ok() }) { gateway, certificate, _ in
      let old = try await curl(
        gateway, certificate, "/items", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0")
      #expect(old.status != 0)
      #expect(try await curl(gateway, certificate, "/items", "--tls-max", "1.2").output == "{}\n2 200")
      #expect(gateway.log.entries.last?.tlsVersion == "1.2")
      // Neither CBC nor key exchange without forward secrecy.
      for cipher in ["ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"] {
        let weak = try await curl(
          gateway, certificate, "/items", "--tls-max", "1.2", "--ciphers", "\(cipher):@SECLEVEL=0")
        #expect(weak.status != 0)
      }
      let plain = try await gateway.connect()
      try await plain.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(await !plain.rest().hasPrefix("HTTP/"))
    }
    try await run(try await ScriptedUpstream { _ in .ok() }, configure: { $0.tls?.minimumVersion = .tls13 }) {
      gateway, certificate, _ in
      let old = try await curl(gateway, certificate, "/items", "--tls-max", "1.2")
      #expect(old.status != 0)
      let new = try await curl(gateway, certificate, "/items")
      #expect(new.output == "{}\n2 200")
    }
  }

  @Test("a client that does not finish its handshake is let go")
  func handshake() async throws {
    try await run(try await ScriptedUpstream { _ in .ok() }, configure: { $0.timeouts.head = .milliseconds(200) }) {
      gateway, _, _ in
      let silent = try await gateway.connect()
      #expect(await silent.rest() == "")
    }
  }

  @Test("a new certificate serves new connections without a restart, and a bad one is refused")
  func reload() async throws {
    let log = KeptLog()
    try await run(try await ScriptedUpstream { _ in .ok() }, log: log) { gateway, certificate, scratch in
      let kept = TestCertificate(certificate: scratch.url("kept.crt"), key: certificate.key)
      try FileManager.default.copyItem(at: certificate.certificate, to: kept.certificate)
      let second = try await TestCertificate.make(scratch, "second")

      // Half a change: the key belongs to another certificate. The old pair stays.
      try Data(contentsOf: second.key).write(to: certificate.key, options: .atomic)
      try await eventually("the key is refused") { log.count("the key is not that of the first certificate") == 1 }
      #expect(try await curl(gateway, kept, "/items").output == "{}\n2 200")
      try Data("nonsense".utf8).write(to: certificate.certificate, options: .atomic)
      try await eventually("the certificate is refused") { log.count("no certificate can be read") == 1 }
      #expect(try await curl(gateway, kept, "/items").output == "{}\n2 200")

      try second.replace(certificate)
      try await eventually("the new one is in force") {
        (try? await curl(gateway, second, "/items").output) == "{}\n2 200"
      }
      #expect(try await curl(gateway, kept, "/items").status != 0)
      #expect(log.count("new certificate in force") == 1 && log.count("new certificate refused") >= 2)
    }
  }

  @Test("certificates and keys that cannot be used are told with the file and what belongs there")
  func unusable() async throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (one, two) = (try await TestCertificate.make(scratch, "one"), try await TestCertificate.make(scratch, "two"))
    try Data("hello".utf8).write(to: scratch.url("nonsense"))
    try Data(repeating: 0x61, count: (1 << 20) + 1).write(to: scratch.url("large"))
    let encrypted = try await Program.run(
      "openssl", "pkcs8", "-topk8", "-in", one.key.path, "-passout", "pass:secret", "-out",
      scratch.url("encrypted").path)
    #expect(encrypted.status == 0)
    let missing = scratch.url("missing").path
    let cases: [(String, String, TLSFileError.File, String, Date)] = [
      (missing, one.key.path, .certificate, "cannot be read", .now),
      (one.certificate.path, missing, .key, "cannot be read", .now),
      (scratch.url("nonsense").path, one.key.path, .certificate, "BEGIN CERTIFICATE", .now),
      (one.certificate.path, scratch.url("nonsense").path, .key, "BEGIN PRIVATE KEY", .now),
      (scratch.url("large").path, one.key.path, .certificate, "more than", .now),
      (one.certificate.path, scratch.url("encrypted").path, .key, "encrypted", .now),
      (one.certificate.path, two.key.path, .key, "not that of the first certificate", .now),
      (one.certificate.path, one.key.path, .certificate, "expired", .now.addingTimeInterval(3 * 86_400)),
      (one.certificate.path, one.key.path, .certificate, "not valid before", .now.addingTimeInterval(-86_400)),
    ]
    for (certificate, key, file, text, now) in cases {
      let settings = TLSSettings(certificateFile: certificate, keyFile: key)
      do throws(TLSFileError) {
        _ = try TLSIdentity(TLSFiles(settings), settings, offersHTTP2: true, now: now)
        Issue.record("taken: \(text)")
      } catch {
        let path = file == .key ? key : certificate
        #expect(error.file == file && "\(error)".contains(text) && "\(error)".contains(path), "\(error)")
      }
    }
  }

  @Test("an answer that is cut is not ended in TLS's good order")
  func cut() async throws {
    try await run(try await ScriptedUpstream { _ in .textThenReset("HTTP/1.1 200 OK\r\n\r\nhalf") }) {
      gateway, certificate, _ in
      for version in ["--http1.1", "--http2"] {
        let outcome = try await curl(gateway, certificate, "/items", version)
        // Either nothing of it had come through, or curl sees that it is not whole.
        #expect(outcome.status != 0 || outcome.output.hasSuffix("502"), "\(outcome)")
      }
    }
  }
}

@Suite("Other people's HTTP/2 clients") struct HTTP2ClientTests {
  @Test("curl speaks HTTP/2 by prior knowledge", .enabled(if: Program.path("curl") != nil, "curl is missing"))
  func curl() async throws {
    let upstream = try await ScriptedUpstream { .ok($0.body) }
    try await RunningGateway.run([upstream]) { gateway in
      let outcome = try await Program.run(
        "curl", "-sS", "--max-time", "20", "--http2-prior-knowledge", "-d", "hello", "-w", " %{http_version}",
        "http://127.0.0.1:\(gateway.port)/items")
      #expect(outcome.output == "hello 2", "\(outcome)")
      let head = try await Program.run(
        "curl", "-sSI", "--max-time", "20", "--http2-prior-knowledge", "http://127.0.0.1:\(gateway.port)/items")
      #expect(head.output.hasPrefix("HTTP/2 200"), "\(head)")
    }
  }

  @Test(
    "nghttp gets many answers of one connection", .enabled(if: Program.path("nghttp") != nil, "nghttp is missing"))
  func nghttp() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("hello") }
    try await RunningGateway.run([upstream]) { gateway in
      let outcome = try await Program.run(
        "nghttp", "-v", "-m", "20", "-H", "trailer-free: yes", "http://127.0.0.1:\(gateway.port)/items")
      #expect(outcome.status == 0)
      #expect(outcome.output.components(separatedBy: ":status: 200").count >= 2, "\(outcome)")
    }
  }

  @Test(
    "h2load gets every answer over many streams and connections",
    .enabled(if: Program.path("h2load") != nil, "h2load is missing"))
  func h2load() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("hello") }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.connect = .seconds(30) }) { gateway in
      let outcome = try await Program.run(
        "h2load", "-n", "600", "-c", "4", "-m", "16", "http://127.0.0.1:\(gateway.port)/items")
      #expect(outcome.output.contains("600 succeeded, 0 failed, 0 errored"), "\(outcome)")
    }
  }
}
