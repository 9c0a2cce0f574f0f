import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import Testbed
import Testing

@testable import AuthServer

@Suite struct MailFileTests {
  private static func with(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mail-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  private static func message(_ kind: AuthMessage.Kind = .recovery, of account: UUID?) -> AuthMessage {
    AuthMessage(
      id: UUID.v7(), kind: kind, email: "a@b.c", name: "A", token: "t0ken", expiresAt: Date(), account: account)
  }

  private static func names(_ folder: URL) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
  }

  /// Has a file look as if it was written that many seconds ago.
  private static func age(_ url: URL, by seconds: TimeInterval, since now: Date) throws {
    try FileManager.default.setAttributes([.modificationDate: now - seconds], ofItemAtPath: url.path)
  }

  @Test("what is old or too much goes, and what is no message of auth's stays")
  func oldAndMany() async throws {
    try await Self.with { folder in
      let (now, owner) = (Date(), UUID.v7())
      let files = MailFiles(folder: folder, retention: 100, greatestCount: 3)
      #expect(try await files.tidy(now: now) { _ in [] } == 0, "there is no folder yet")
      let messages = (0..<5).map { Self.message($0.isMultiple(of: 2) ? .emailChange : .verification, of: owner) }
      for (index, message) in messages.enumerated() {
        try await FileNotifier(files).send(message)
        try Self.age(files.file(of: message), by: Double(index), since: now)
      }
      let former = folder.appending(path: "\(UUID.v7().lowercased)-already_registered.txt")
      let others = [
        "notes.txt", "\(UUID().uuidString)-holiday.txt", "\(UUID().uuidString).txt",
        "\(UUID().uuidString)-recovery.eml",
      ].map { folder.appending(path: $0) }
      for url in [former] + others {
        try Data("x".utf8).write(to: url)
        try Self.age(url, by: 101, since: now)
      }
      try FileManager.default.createDirectory(
        at: folder.appending(path: "notifications"), withIntermediateDirectories: true)

      #expect(try await files.tidy(now: now) { _ in [] } == 3, "two beyond three, and the one of before")
      let foreign = Set(others.map(\.lastPathComponent) + ["notifications"])
      #expect(
        try Self.names(folder) == foreign.union(messages[..<3].map { files.file(of: $0).lastPathComponent }))
      #expect(try await files.tidy(now: now + 101) { _ in [] } == 3)
      #expect(try Self.names(folder) == foreign)
    }
  }

  @Test("messages go with whom they are about", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await Self.with { folder in
        let files = MailFiles(folder: folder)
        let (ada, bob) = (try await auth.newUser("ada@example.org").id, try await auth.newUser("bob@example.org").id)
        let messages = [Self.message(of: ada), Self.message(.verification, of: ada), Self.message(of: bob)]
        for message in messages { try await FileNotifier(files).send(message) }
        let maintenance = Maintenance(
          core: auth.service.core, keys: auth.service.keys, revocations: auth.service.revocations,
          mail: auth.service.mail, files: files)
        try await maintenance.sweep()
        #expect(try Self.names(folder).count == 3)
        try await auth.database.write { try auth.service.personalData.erase(ada, in: $0) }
        try await maintenance.sweep()
        #expect(try Self.names(folder) == [files.file(of: messages[2]).lastPathComponent])
      }
    }
  }
}
