import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Testbed
import Testing

@Suite struct PasswordTests {
  @Test("a new password ends the other sessions, and this one goes on", arguments: Engine.available)
  func change(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let mine = try await auth.newUser("a@example.org").tokens
      let other = try await auth.login("a@example.org").value
      func change(_ current: String, _ new: String) async throws -> Reply<Empty> {
        try await auth.send(
          AuthAPI.changePassword, nil, ["current_password": current, "new_password": new], token: mine.accessToken)
      }
      #expect(try await change("wrong", "another good one").code == "invalid_credentials")
      #expect(try await change(AuthFixture.password, "password").fields == ["new_password"])
      #expect(try await auth.isAccepted(other.accessToken))
      #expect(try await change(AuthFixture.password, "another good one").status == 204)
      #expect(try await !auth.isAccepted(other.accessToken))
      #expect(try await auth.refresh(other.refreshToken).code == "invalid_grant")
      #expect(try await auth.isAccepted(auth.refresh(mine.refreshToken).value.accessToken))
      #expect(try await auth.login("a@example.org").status == 401)
      #expect(try await auth.login("a@example.org", "another good one").status == 200)
    }
  }

  @Test("recovery says the same to everybody, works once, and ends every session", arguments: Engine.available)
  func recovery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let known = try await auth.send(AuthAPI.recover, nil, ["email": "A@example.org"])
      let unknown = try await auth.send(AuthAPI.recover, nil, ["email": "nobody@example.org"])
      #expect(known.status == 202 && unknown.status == 202 && known.text == unknown.text)
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.map(\.email) == ["a@example.org"])
      let token = try #require(auth.mailbox.all.first?.token)
      #expect(!auth.log.lines.contains { $0.contains(token) || $0.contains("a@example.org") })
      func complete(_ password: String) async throws -> Reply<Empty> {
        try await auth.send(AuthAPI.completeRecovery, nil, ["token": token, "new_password": password])
      }
      #expect(try await complete("12345678").status == 422, "a bad password does not use the token up")
      #expect(try await complete("a whole new one").status == 204)
      #expect(try await complete("yet another one").code == "invalid_token")
      #expect(try await !auth.isAccepted(tokens.accessToken))
      #expect(try await auth.refresh(tokens.refreshToken).code == "invalid_grant")
      #expect(try await auth.login("a@example.org", "a whole new one").status == 200)
    }
  }

  @Test("of many who use one recovery token at once, one succeeds", arguments: Engine.available)
  func recoveryRace(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
      try await auth.service.mail.deliverDue()
      let token = try #require(auth.mailbox.all.first?.token)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<10 {
          group.addTask {
            try await auth.send(
              AuthAPI.completeRecovery, nil, ["token": token, "new_password": "new password \(number)!"]
            ).status
          }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 204 }.count == 1 && statuses.filter { $0 == 400 }.count == 9)
    }
  }

  @Test("a recovery token dies after ten minutes, and with a suspension", arguments: Engine.available)
  func recoveryEnds(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let id = try await auth.newUser("a@example.org").id
      func token() async throws -> String? {
        let before = auth.mailbox.all.count
        _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
        try await auth.service.mail.deliverDue()
        return auth.mailbox.all.count > before ? auth.mailbox.all.last?.token : nil
      }
      func complete(_ token: String) async throws -> Int {
        try await auth.send(AuthAPI.completeRecovery, nil, ["token": token, "new_password": "a whole new one"]).status
      }
      let late = try #require(try await token())
      auth.clock.advance(600)
      #expect(try await complete(late) == 400)
      let doomed = try #require(try await token())
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(id)"
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": "suspended"], token: root).status == 200)
      #expect(try await complete(doomed) == 400)
      #expect(try await token() == nil, "no mail for a suspended account")
    }
  }

  @Test("a mailbox cannot be flooded, and a message that failed is sent later", arguments: Engine.available)
  func mail(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      auth.mailbox.failNext(1)
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.isEmpty)
      #expect(try await auth.service.mail.deliverDue() == 0, "not due yet")
      auth.clock.advance(60)
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.count == 1)
      for _ in 0..<10 { _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"]) }
      while try await auth.service.mail.deliverDue() > 0 {}
      #expect(auth.mailbox.all.count <= 3)
    }
  }

  @Test("the development notifier writes files that only the owner reads")
  func files() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    let notifier = FileNotifier(MailFiles(folder: folder))
    let message = AuthMessage(
      id: UUID(), kind: .recovery, email: "a@b.c", name: "A", token: "t0ken", expiresAt: Date())
    try await notifier.send(message)
    try await notifier.send(message)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.count == 1)
    let path = folder.appending(path: files[0]).path
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains("t0ken"))
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
  }

  @Test("a hash of a lower cost or of another system is made anew at the next login", arguments: Engine.available)
  func rehash(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let imported = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
      try await auth.database.write {
        try $0.execute("UPDATE accounts SET password_hash = \(imported) WHERE email = \("a@example.org")")
      }
      #expect(try await auth.login("a@example.org", "U*U").status == 200)
      let kept = try await auth.database.read {
        try $0.scalar("SELECT password_hash FROM accounts WHERE email = \("a@example.org")", as: String.self)
      }
      #expect(kept?.hasPrefix("v1$2b$04$") == true)
      #expect(try await auth.login("a@example.org", "U*U").status == 200)
    }
  }
}
