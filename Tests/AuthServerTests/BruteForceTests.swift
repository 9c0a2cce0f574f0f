import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@Suite struct BruteForceTests {
  @Test(
    "after five failures each further one doubles the wait, for known and unknown addresses",
    arguments: Engine.available)
  func backOff(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      for email in ["a@example.org", "nobody@example.org"] {
        for _ in 0..<5 { #expect(try await auth.login(email, "wrong password").status == 401) }
        for wait in [1, 2, 4, 8] {
          #expect(try await auth.login(email, "wrong password").status == 401)
          let blocked = try await auth.login(email, "wrong password")
          #expect(blocked.status == 429 && blocked.code == "too_many_attempts")
          #expect(blocked.headers[.retryAfter] == "\(wait)")
          #expect(try await auth.login(email).status == 429, "the right password does not help while one has to wait")
          auth.clock.advance(Double(wait))
        }
      }
      #expect(try await auth.login("a@example.org").status == 200)
    }
  }

  @Test("whoever fails elsewhere does not lock the owner out", arguments: Engine.available)
  func owner(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      #expect(try await auth.login("a@example.org", address: "198.51.100.1").status == 200)
      for _ in 0..<20 { _ = try await auth.login("a@example.org", "wrong password", address: "203.0.113.9") }
      #expect(try await auth.login("a@example.org", address: "203.0.113.9").status == 429)
      #expect(try await auth.login("a@example.org", address: "198.51.100.1").status == 200)
      for _ in 0..<6 { _ = try await auth.login("a@example.org", "wrong password", address: "198.51.100.1") }
      #expect(try await auth.login("a@example.org", address: "198.51.100.1").status == 429, "there it counts by itself")
    }
  }

  @Test("one address that tries many accounts has to wait", arguments: Engine.available)
  func spraying(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.backOff.addressAllowance = 10 }) { auth in
      try await auth.register("a@example.org")
      for number in 0..<11 { _ = try await auth.login("user\(number)@example.org", "wrong", address: "203.0.113.9") }
      #expect(try await auth.login("a@example.org", address: "203.0.113.9").status == 429)
      #expect(try await auth.login("a@example.org", address: "203.0.113.10").status == 200)
      auth.clock.advance(1)
      #expect(try await auth.login("a@example.org", address: "203.0.113.9").status == 200)
    }
  }

  @Test(
    "another instance on the same database counts on, and a day later all is forgotten", arguments: Engine.available)
  func persistent(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      for _ in 0..<10 {
        _ = try await auth.login("a@example.org", "wrong password")
        auth.clock.advance(20)
      }
      _ = try await auth.login("a@example.org", "wrong password")
      var configuration = AuthConfiguration()
      configuration.passwordCost = 4
      let other = try await AuthFixture.instance(
        auth.database, auth.masterKey, configuration, auth.mailbox, auth.clock, auth.log)
      let device = ClientDevice(address: "192.0.2.1", userAgent: nil)
      let credentials = Credentials(email: "a@example.org", password: AuthFixture.password)
      let problem = await #expect(throws: Problem.self) { try await other.login.login(credentials, from: device) }
      #expect(problem?.status == 429)
      auth.clock.advance(86_401)
      _ = try await other.login.login(credentials, from: device)
    }
  }

  @Test("guesses that are sent all at once are slowed down too", arguments: Engine.available)
  func burst(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<60 {
          group.addTask { try await auth.login("a@example.org", "guess number \(number)").status }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.allSatisfy { $0 == 401 || $0 == 429 }, "\(statuses)")
      #expect(statuses.filter { $0 == 401 }.count <= 6, "\(statuses)")
    }
  }

  @Test("neither addresses nor accounts can be read from what is kept", arguments: Engine.available)
  func privacy(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      _ = try await auth.login("secret.person@example.org", "wrong password", address: "203.0.113.77")
      let rows = try await auth.database.rows("SELECT * FROM login_attempts")
      #expect(rows.count == 2 && !"\(rows)".contains("secret.person") && !"\(rows)".contains("203.0.113.77"))
      #expect(!auth.log.lines.contains { $0.contains("secret.person") || $0.contains("wrong password") })
    }
  }
}
