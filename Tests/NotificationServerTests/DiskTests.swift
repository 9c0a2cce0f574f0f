import Foundation
import GravityContracts
import NotificationServer
import Testing

@Suite struct DiskTests {
  private static func with(
    flushes: Bool = false, _ body: (URL, DiskMailTransport) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mail-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder, DiskMailTransport(folder: folder, flushes: flushes))
  }

  private static func mail(_ text: String, id: UUID = .v7()) -> Mail {
    Mail(id: id, messageID: "\(id)@x", sender: "a@x", recipient: "b@x", bytes: Array(text.utf8))
  }

  private static func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).flatMap { day in
      try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: day).path).map { "\(day)/\($0)" }
    }.sorted()
  }

  @Test(
    "a mail is one file for its owner alone, whole, however often and by how many it is written",
    arguments: [false, true])
  func once(_ flushes: Bool) async throws {
    try await Self.with(flushes: flushes) { folder, disk in
      let mail = Self.mail(String(repeating: "x", count: 200_000))
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { #expect(await disk.send([mail]) == [.sent]) } }
      }
      #expect(try Self.names(folder).count == 1)
      let file = disk.file(mail.id)
      #expect(try Data(contentsOf: file) == Data(mail.bytes))
      let modes = try [file, file.deletingLastPathComponent()].map {
        try FileManager.default.attributesOfItem(atPath: $0.path)[.posixPermissions] as? Int
      }
      #expect(modes == [0o600, 0o700])
    }
  }

  @Test("mails of several days go to their days, and what is erased is gone, however often")
  func days() async throws {
    try await Self.with { folder, disk in
      var random = SystemRandomNumberGenerator()
      let mails = [0, 86_400, 86_401].map {
        Self.mail("x", id: .v7(at: Date(timeIntervalSince1970: $0), using: &random))
      }
      #expect(await disk.send(mails) == [.sent, .sent, .sent])
      #expect(try Self.names(folder).map { $0.prefix { $0 != "/" } } == ["1970-01-01", "1970-01-02", "1970-01-02"])
      for _ in 0..<2 { try await disk.erase([mails[0].id, mails[2].id, .v7()]) }
      #expect(try Self.names(folder) == ["1970-01-02/\(mails[1].id.lowercased).eml"])
    }
  }

  @Test("a folder that cannot be written fails the mail, and nothing is left of it")
  func failures() async throws {
    try await Self.with { folder, disk in
      try Data().write(to: folder)
      guard case .failed(let error)? = await disk.send([Self.mail("x")]).first else {
        Issue.record("it was taken")
        return
      }
      #expect(!error.isEmpty)
    }
  }
}
