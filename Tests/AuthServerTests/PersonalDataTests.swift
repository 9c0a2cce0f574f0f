import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import Testbed
import Testing

@testable import AuthServer

@Suite struct PersonalDataTests {
  @Test("who is erased cannot log in, has no session, and leaves nothing but the id", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ada@example.org")
      let (other, otherTokens) = try await auth.newUser("bob@example.org")
      let holder = auth.service.personalData
      let forecast = try await holder.inventory(PersonalDataSubject(userID: id), in: auth.database)
      #expect(forecast.erases["accounts"] == 1 && forecast.erases["sessions"] == 1)
      let page = try await holder.items(PersonalDataQuery(userID: id, limit: 1), in: auth.database)
      #expect(page.items.map(\.kind) == ["account"])
      let next = try await holder.items(
        PersonalDataQuery(userID: id, limit: 10, cursor: page.nextCursor), in: auth.database)
      #expect(next.items.map(\.kind) == ["session"] && next.nextCursor == nil)

      // Twice, as the broker may bring it.
      for _ in 0..<2 { try await auth.database.write { try holder.erase(id, in: $0) } }
      #expect(try await auth.login("ada@example.org").status == 401)
      #expect(try await auth.refresh(tokens.refreshToken).status != 200)
      #expect(try await auth.refresh(otherTokens.refreshToken).status == 200)
      for table in ["sessions", "api_keys", "consents", "one_time_tokens", "authorization_codes"] as [SQL] {
        let count = try await auth.database.rows("SELECT count(*) FROM \(table) WHERE account_id = \(id)")
        #expect(try count.first?.get(0, as: Int.self) == 0, "\(table)")
      }
      let row = try #require(try await auth.database.read { try AccountStore($0).find(id) })
      #expect(row.status == .deleted && row.email == nil && row.name.isEmpty && row.passwordHash == nil)
      #expect(try await auth.database.read { try AccountStore($0).find(other) }?.status == .active)

      let receipts = try await Self.receipts(of: id, auth)
      #expect(receipts.count == 2 && receipts.allSatisfy { $0.isComplete && $0.service == "auth" })
      // The second tells of the first, too.
      #expect(receipts.map(\.erased) == [forecast.erases, forecast.erases])
      // The address is free, and leads to another account.
      let (again, _) = try await auth.newUser("ada@example.org")
      #expect(again != id)
    }
  }

  @Test("who was never heard of is answered for, too", arguments: Engine.available)
  func unknown(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let id = UUID.v7()
      try await auth.database.write { try auth.service.personalData.erase(id, in: $0) }
      let receipt = try #require(try await Self.receipts(of: id, auth).first)
      #expect(receipt.isComplete && receipt.erased.isEmpty)
    }
  }

  @Test(
    "of the administrators the last one stays until there is another, also when both are erased at once",
    arguments: Engine.available)
  func lastAdministrator(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let rootID = try await auth.send(AuthAPI.me, token: root).value.id
      let second = try await auth.newUser("second@example.org").id
      func promote(_ id: UUID, _ token: String) async throws -> Int {
        try await auth.send(
          AuthAPI.updateAccount, "/api/v1/auth/accounts/\(id.lowercased)", ["roles": ["admin"]], token: token
        ).status
      }
      #expect(try await promote(second, root) == 200)
      let holder = auth.service.personalData
      #expect(try await holder.inventory(PersonalDataSubject(userID: rootID), in: auth.database).waits.isEmpty)
      await withTaskGroup(of: Void.self) { group in
        for id in [rootID, second] {
          group.addTask { try? await auth.database.write { try holder.erase(id, in: $0) } }
        }
      }
      let left = try await auth.database.read { transaction in
        try [rootID, second].filter { try AccountStore(transaction).find($0)?.status == .active }
      }
      let last = try #require(left.first)
      #expect(left.count == 1)
      let receipt = try #require(try await Self.receipts(of: last, auth).first)
      #expect(!receipt.isComplete && receipt.waiting == [AuthAPI.lastAdministrator: 1] && receipt.erased.isEmpty)
      #expect(try await auth.database.read { try AccountStore($0).roles(of: last) }.contains("admin"))

      let email = last == rootID ? "root@example.org" : "second@example.org"
      let token = try await auth.login(email).value.accessToken
      let third = try await auth.newUser("third@example.org").id
      #expect(try await promote(third, token) == 200)
      try await auth.database.write { try holder.erase(last, in: $0) }
      #expect(try await auth.database.read { try AccountStore($0).find(last)?.status } == .deleted)
      #expect(try await Self.receipts(of: last, auth).last?.isComplete == true)
    }
  }

  static func receipts(of id: UUID, _ auth: AuthFixture) async throws -> [ErasureReceipt] {
    try await auth.database.rows(
      "SELECT body FROM outbox WHERE subject = \(id.lowercased) AND type = 'erasure.acknowledged.v1'"
    ).map { row in
      let event = try JSONSerialization.jsonObject(with: Data(try row.get("body", as: [UInt8].self)))
      let data = try JSONSerialization.data(withJSONObject: try #require((event as? [String: Any])?["data"]))
      return try WireFormat.makeDecoder().decode(ErasureReceipt.self, from: data)
    }
  }
}
