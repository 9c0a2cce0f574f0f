import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import Patience
import TestServers
import Testbed
import Testing
@testable import NotificationServer

@Suite struct NotificationCrashTests {
  /// What the mail server has taken: the digests of the copies, by Message-ID.
  private static func taken(_ folder: URL) throws -> [String: [String]] {
    let lines = try String(contentsOf: folder.appending(path: "mails"), encoding: .utf8).split(separator: "\n")
    return Dictionary(grouping: lines.map { $0.split(separator: " ").map(String.init) }, by: { $0[0] })
      .mapValues { $0.map { $0[1] } }
  }

  /// A mail server of our own, which can kill whoever sends; see `mailsink.py`.
  private static func withServer(_ body: (_ folder: URL, _ url: String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sink-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Benchmarks/notification/mailsink.py")
    let server = try Program(["python3", script.path, folder.path])
    defer { server.signal(SIGKILL) }
    let port = try await eventually("the mail server is up") {
      let port = (try? String(contentsOf: folder.appending(path: "port"), encoding: .utf8)) ?? ""
      return port.isEmpty ? nil : port
    }
    try await body(folder, "smtp://127.0.0.1:\(port)?tls=none")
  }

  /// How the program that sends ended.
  private static func end(_ arguments: [String], fault: String?) async throws -> Program.End {
    try await Program.run(
      product: "notificationcrash", arguments, environment: fault.map { ["GRAVITY_FAULT": $0] } ?? [:]
    ).end
  }

  /// Where a process is killed: at a fault point of ours, or by the server in the middle of a mail.
  private static let deaths: [(fault: String?, server: String?)] = [
    ("notification.claimed", nil), ("notification.handed_over", nil), (nil, "rcpt"), ("notification.recorded@2", nil),
    (nil, "data"), ("notification.handed_over@2", nil),
  ]

  @Test(
    "kill −9 in the middle of sending loses no mail, and a mail that went twice is the same to the last byte",
    arguments: Engine.available)
  func killed(_ engine: Engine) async throws {
    try await Self.withServer { folder, server in
      try await engine.withPlace { place, open in
        let database = try open()
        try await Migrator(database: database, logger: .silent).run(NotificationService.migrations)
        try await NotificationFixture.run(with: database) { notes in
          try await notes.publishNote()
          var made: [UUID] = []
          for number in 0..<40 {
            made.append(try await notes.notify(["template": "welcome", "address": "u\(number)@example.org"]).value.id)
            guard number < 10 else { continue }
            made.append(try await notes.note(number, to: UUID.v7(), by: ["in_app"]))
          }
          for (round, death) in Self.deaths.enumerated() {
            if let stage = death.server {
              try Data(stage.utf8).write(to: folder.appending(path: "kill"), options: .atomic)
            }
            let arguments = [place, server, folder.path, "\((round + 1) * 100)"]
            let end = try await Self.end(arguments, fault: death.fault)
            #expect(end == .killed(SIGKILL), "\(death)")
          }
          let last = [place, server, folder.path, "\((Self.deaths.count + 1) * 100)"]
          let end = try await Self.end(last, fault: nil)
          #expect(end == .exited(0))

          var names: Set<String> = []
          for id in made {
            let delivery = try #require(try await notes.find(id).deliveries.first)
            #expect(delivery.state == .known(.sent))
            #expect(try await notes.told(of: id) == ["queued", "sent"], "told once, however often it was sent")
            if delivery.channel == .known(.email) {
              names.insert("<\(MailWriter.messageID(delivery.id, domain: notes.service.core.configuration.domain))>")
            }
          }
          let taken = try Self.taken(folder)
          #expect(Set(taken.keys) == names && names.count == 40, "no mail is lost, and none is of nobody")
          #expect(taken.values.allSatisfy { Set($0).count == 1 }, "copies have one Message-ID and one content")
          #expect(taken.values.contains { $0.count > 1 }, "a kill before the record sends a mail again")
          let inboxes = try await notes.database.rows("SELECT id FROM inbox_items").count
          #expect(inboxes == 10)
        }
      }
    }
  }
}
