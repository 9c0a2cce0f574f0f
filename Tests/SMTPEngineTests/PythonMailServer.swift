import Foundation
import NIOCore
import NIOPosix
import NotificationServer
import Patience
import SMTPEngine
import TestServers
import Testing

/// aiosmtpd, which nobody here wrote.
struct PythonMailServer: Sendable {
  /// A Python that has aiosmtpd; `./gravity test` makes one where PyPI can be had.
  static let python = ProcessInfo.processInfo.environment["GRAVITY_TEST_PYTHON"]

  /// A mail that the server has taken.
  struct Taken: Decodable, Sendable {
    var from: String
    var to: [String]
    var options: [String]
    var content: String
    var tls: Bool
    var user: String?
    var outcome: String
    var connection: String
    var utf8: Bool

    var messageID: String? {
      content.split(separator: "\r\n").first { $0.hasPrefix("Message-ID: ") }.map { String($0.dropFirst(12)) }
    }
  }

  let folder: URL
  let port: Int

  var authorities: String { folder.appending(path: "cert.pem").path }

  /// In the order in which they came.
  var taken: [Taken] {
    get throws {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "mails").path)
        .filter { $0.hasSuffix(".json") }
      return try names.compactMap { name in Int(name.dropLast(5)).map { ($0, name) } }.sorted { $0.0 < $1.0 }.map {
        try JSONDecoder().decode(
          Taken.self, from: Data(contentsOf: folder.appending(path: "mails/\($0.1)")))
      }
    }
  }

  /// - Parameter mode: What the server does and wants: `plain`, `starttls-auth`, `smtps-auth`, `inject`.
  static func run(
    _ mode: String, python: String? = Self.python, _ body: (PythonMailServer) async throws -> Void
  ) async throws {
    let python = try #require(python)
    let folder = FileManager.default.temporaryDirectory.appending(path: "smtp-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appending(path: "mails"), withIntermediateDirectories: true)
    if mode.contains("tls") || mode.contains("smtps") { try await makeCertificate(folder) }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "mailserver.py").path
    let output = try await shell([
      "sh", "-c", "\"$0\" \"$1\" \"$2\" \"$3\" >\"$2/log\" 2>&1 & echo $!", python, script, folder.path, mode,
    ])
    let process = try #require(pid_t(output.trimmingCharacters(in: .whitespacesAndNewlines)))
    defer { kill(process, SIGKILL) }
    let port = try await eventually("the mail server is up") {
      Int((try? String(contentsOf: folder.appending(path: "port"), encoding: .utf8)) ?? "")
    }
    try await body(PythonMailServer(folder: folder, port: port))
  }

  private static func makeCertificate(_ folder: URL) async throws {
    try await shell([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(folder.path)/key.pem", "-out",
      "\(folder.path)/cert.pem",
    ])
  }

  /// Hands mails over, with short times.
  func send(_ mails: [Mail], _ url: String) async throws -> [SendOutcome] { await (try transport(url)).send(mails) }

  func transport(_ url: String) throws -> SMTPTransport {
    var times = SMTPTransport.Times()
    (times.reply, times.data, times.call) = (.seconds(20), .seconds(20), .seconds(40))
    return try SMTPTransport(url: url, times: times, group: MultiThreadedEventLoopGroup.singleton)
  }

  static func mail(to recipient: String, _ text: String = "text\r\n.dot\r\n..two\r\nend", subject: String = "x") -> Mail
  {
    let id = UUID()
    let head =
      "From: <shop@example.com>\r\nTo: <\(recipient)>\r\nSubject: \(subject)\r\nMessage-ID: <\(id)@example.com>\r\n\r\n"
    return Mail(
      id: id, messageID: "\(id)@example.com", sender: "shop@example.com", recipient: recipient,
      bytes: Array((head + text).utf8))
  }
}
