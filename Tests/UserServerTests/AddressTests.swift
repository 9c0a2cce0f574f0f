import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Testbed
import Testing
import UserAPI
@testable import UserServer

enum Berlin {
  static var fields: [String: Any] {
    ["name": "Erika", "line1": "Unter den Linden 1", "city": "Berlin", "postal_code": "10117", "country": "DE"]
  }
}

@Suite struct AddressTests {
  private static let path = "/api/v1/users/me/addresses"
  private static func path(_ address: PostalAddress) -> String { "\(path)/\(address.id.lowercased)" }

  private static func create(
    _ users: UserFixture, _ person: UserFixture.Person, _ more: [String: Any] = [:], key: String? = nil
  ) async throws -> Reply<PostalAddress> {
    try await users.send(
      UserAPI.createAddress, nil, Berlin.fields.merging(more) { $1 }, token: person.token,
      headers: key.map { ["Idempotency-Key": $0] } ?? [:])
  }

  private static func all(_ users: UserFixture, _ person: UserFixture.Person) async throws -> [PostalAddress] {
    try await users.send(UserAPI.addresses, path + "?limit=100", token: person.token).value.items
  }

  private static func expectOneOfEach(_ addresses: [PostalAddress], _ message: Comment? = nil) {
    #expect(addresses.filter(\.defaultShipping).count == 1, message)
    #expect(addresses.filter(\.defaultBilling).count == 1, message)
  }

  @Test(
    "the first address is the default for all, another takes over, and one is not given up", arguments: Engine.available
  )
  func defaults(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let first = try await Self.create(users, alice, ["default_shipping": false])
      #expect(first.status == 201 && first.etag == "\"v1\"")
      #expect(try first.value.defaultShipping && first.value.defaultBilling)
      let second = try await Self.create(users, alice, ["name": "Second"]).value
      #expect(!second.defaultShipping && !second.defaultBilling)
      let third = try await Self.create(users, alice, ["name": "Third", "default_billing": true]).value
      #expect(third.defaultBilling && !third.defaultShipping)
      let demoted = try await users.send(UserAPI.address, Self.path(try first.value), token: alice.token)
      #expect(try demoted.value.defaultShipping && !demoted.value.defaultBilling)
      #expect(demoted.etag == "\"v2\"", "who had seen it as the default is told that it changed")

      func patch(_ address: PostalAddress, _ fields: [String: Any], _ etag: String? = nil) async throws -> Reply<
        PostalAddress
      > {
        try await users.send(
          UserAPI.updateAddress, Self.path(address), fields, token: alice.token,
          headers: etag.map { ["If-Match": $0] } ?? [:])
      }
      let refused = try await patch(third, ["default_billing": false])
      #expect(refused.status == 422 && refused.fields == ["default_billing"])
      #expect(try await patch(second, ["default_shipping": true, "default_billing": true]).status == 200)
      Self.expectOneOfEach(try await Self.all(users, alice))
      #expect(try await patch(second, ["default_shipping": true]).value.version == 2, "nothing changed")
      #expect(try await patch(third, ["line1": "Elsewhere 2"], "\"v1\"").status == 412)
      #expect(try await patch(third, ["line1": "Elsewhere 2"], "\"v2\"").value.line1 == "Elsewhere 2")
      #expect(try await patch(third, ["default_shipping": NSNull()]).fields == ["default_shipping"])
    }
  }

  @Test("deleting a default passes it to the address used last", arguments: Engine.available)
  func succession(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      var made: [PostalAddress] = []
      for name in ["A", "B", "C", "D"] {
        users.clock.advance(1)
        made.append(try await Self.create(users, alice, ["name": name]).value)
      }
      users.clock.advance(1)
      // B was the default once, which is a use later than C's and D's making.
      for index in [1, 0] {
        users.clock.advance(1)
        _ = try await users.send(
          UserAPI.updateAddress, Self.path(made[index]), ["default_shipping": true], token: alice.token)
      }
      func delete(_ address: PostalAddress, _ etag: String? = nil) async throws -> Int {
        try await users.send(
          UserAPI.deleteAddress, Self.path(address), token: alice.token,
          headers: etag.map { ["If-Match": $0] } ?? [:]
        ).status
      }
      #expect(try await delete(made[0], "\"v1\"") == 412)
      #expect(try await delete(made[0]) == 204)
      var left = try await Self.all(users, alice)
      Self.expectOneOfEach(left)
      #expect(left.first { $0.defaultShipping }?.name == "B" && left.first { $0.defaultBilling }?.name == "B")
      #expect(try await delete(made[2]) == 204)
      #expect(try await delete(made[1]) == 204)
      left = try await Self.all(users, alice)
      #expect(left.count == 1 && left[0].name == "D")
      Self.expectOneOfEach(left)
      #expect(try await delete(made[3]) == 204)
      #expect(try await delete(made[3]) == 404)
      #expect(try await Self.all(users, alice).isEmpty)
      let again = try await Self.create(users, alice).value
      #expect(again.defaultShipping && again.defaultBilling)
    }
  }

  @Test("of twenty made at once that all want to be the default, one is", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await users.me(alice)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await Self.create(
              users, alice, ["name": "\(number)", "default_shipping": true, "default_billing": true],
              key: number.isMultiple(of: 2) ? "key-\(number)" : nil
            ).status
          }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.allSatisfy { $0 == 201 }, "\(statuses)")
      let made = try await Self.all(users, alice)
      #expect(made.count == 20)
      Self.expectOneOfEach(made)

      // And while some move the defaults, others take addresses away.
      try await withThrowingTaskGroup(of: Int.self) { group in
        for (number, address) in made.enumerated() {
          group.addTask {
            guard number.isMultiple(of: 2) else {
              return try await users.send(UserAPI.deleteAddress, Self.path(address), token: alice.token).status
            }
            return try await users.send(
              UserAPI.updateAddress, Self.path(address), ["default_shipping": true, "default_billing": true],
              token: alice.token
            ).status
          }
        }
        for try await status in group { #expect(status == 200 || status == 204, "\(status)") }
      }
      let left = try await Self.all(users, alice)
      #expect(left.count == 10)
      Self.expectOneOfEach(left)
    }
  }

  @Test("the database itself refuses a second default", arguments: Engine.available)
  func index(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await Self.create(users, alice)
      _ = try await Self.create(users, alice)
      for column in ["default_shipping", "default_billing"] as [SQL] {
        await #expect {
          try await users.database.write {
            try $0.execute("UPDATE addresses SET \(column) = \(true) WHERE user_id = \(alice.id)")
          }
        } throws: {
          ($0 as? DatabaseError)?.code == .uniqueViolation
        }
      }
    }
  }

  @Test("there are at most fifty, also when the last come together", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      for _ in 0..<48 { #expect(try await Self.create(users, alice).status == 201) }
      let replies = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for _ in 0..<8 {
          group.addTask {
            let reply = try await Self.create(users, alice)
            return (reply.status, reply.code)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.filter { $0.0 == 201 }.count == 2)
      #expect(replies.filter { $0.0 == 409 && $0.1 == "too_many_addresses" }.count == 6, "\(replies)")
    }
  }

  @Test("under one key an address is made once", arguments: Engine.available)
  func idempotency(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let (alice, bob) = (users.person("alice@example.org"), users.person("bob@example.org"))
      let first = try await Self.create(users, alice, key: "k1")
      let again = try await Self.create(users, alice, key: "k1")
      #expect(again.status == 201 && again.headers[HTTPField.Name("Idempotency-Replayed")!] == "true")
      #expect(try first.value == again.value)
      #expect(try await Self.create(users, alice, ["name": "Other"], key: "k1").code == "idempotency_key_reused")
      #expect(try await Self.create(users, bob, key: "k1").value.id != first.value.id)
      #expect(try await Self.create(users, alice, ["country": "ZZ"], key: "k2").status == 422)
      #expect(try await Self.create(users, alice, key: "k2").status == 201, "what was refused is not kept")
      #expect(try await Self.all(users, alice).count == 2)
    }
  }

  @Test("somebody else's address is as unknown as none", arguments: Engine.available)
  func owned(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let (alice, mallory) = (users.person("alice@example.org"), users.person("mallory@example.org"))
      let mine = try await Self.create(users, alice).value
      _ = try await Self.create(users, mallory)
      for path in [Self.path(mine), "\(Self.path)/\(UUID().lowercased)"] {
        #expect(try await users.send(UserAPI.address, path, token: mallory.token).status == 404)
        let patch = try await users.send(UserAPI.updateAddress, path, ["default_shipping": true], token: mallory.token)
        #expect(patch.status == 404)
        #expect(try await users.send(UserAPI.deleteAddress, path, token: mallory.token).status == 404)
      }
      #expect(try await users.send(UserAPI.address, "\(Self.path)/%27%20OR%201=1", token: mallory.token).status == 422)
      #expect(try await users.send(UserAPI.address, Self.path(mine), token: alice.token).value == mine)
      // The id in the body is not the one that counts.
      let other = try await Self.create(users, alice, ["name": "Other"]).value
      let body = "{\"id\": \"\(other.id)\", \"name\": \"Changed\"}"
      let changed = try await users.send(UserAPI.updateAddress, Self.path(mine), raw: body, token: alice.token)
      #expect(try changed.value.id == mine.id)
    }
  }

  @Test("a list pages by age and stays put while addresses come", arguments: Engine.available)
  func paging(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      for number in 0..<5 { _ = try await Self.create(users, alice, ["name": "\(number)"]) }
      var (names, cursor) = ([String](), String?.none)
      repeat {
        let query = "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")
        let page = try await users.send(UserAPI.addresses, Self.path + query, token: alice.token).value
        names += page.items.map(\.name)
        cursor = page.nextCursor?.description
        if names.count == 2 { _ = try await Self.create(users, alice, ["name": "new", "default_billing": true]) }
      } while cursor != nil
      #expect(names == ["0", "1", "2", "3", "4", "new"])
      for query in ["limit=0", "limit=101", "limit=x", "cursor=AAAA", "cursor=%27"] {
        #expect(try await users.send(UserAPI.addresses, Self.path + "?" + query, token: alice.token).status == 422)
      }
    }
  }

  @Test("every country's own rules", arguments: Engine.available)
  func countries(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let us = try await Self.create(
        users, alice, ["country": "us", "region": "ca", "postal_code": " 94043 1351", "city": "Mountain View"]
      ).value
      #expect(us.country == "US" && us.region == "US-CA" && us.postalCode == "94043-1351")
      let refused = try await Self.create(users, alice, ["country": "US", "postal_code": "9404"])
      #expect(refused.status == 422 && Set(refused.fields) == ["region", "postal_code"])
      #expect(refused.text.contains("12345"), "the message shows one that is right")
      var singapore = Berlin.fields
      singapore["city"] = nil
      let city = try await users.send(
        UserAPI.createAddress, nil, singapore.merging(["country": "SG", "postal_code": "546080"]) { $1 },
        token: alice.token)
      #expect(city.status == 201)
      #expect(try city.value.city == nil)
      #expect(try await users.send(UserAPI.createAddress, nil, singapore, token: alice.token).fields == ["city"])
      let ireland = try await Self.create(users, alice, ["country": "IE", "postal_code": "", "region": "Co. Cork"])
      #expect(ireland.status == 201)
      #expect(try ireland.value.postalCode == nil)
      let moved = try await users.send(
        UserAPI.updateAddress, Self.path(us), ["country": "CA"], token: alice.token)
      #expect(Set(moved.fields) == ["region", "postal_code"], "US-CA is no region of Canada")
    }
  }

  @Test("hostile values are refused by field or kept as text", arguments: Engine.available)
  func hostile(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let sql = "'; DROP TABLE addresses; --"
      let kept = try await Self.create(
        users, alice, ["name": sql, "company": sql, "line1": sql, "line2": sql, "city": sql, "region": sql])
      #expect(kept.status == 201)
      #expect(try kept.value.name == sql && kept.value.region == sql)
      for field in ["postal_code", "country", "phone"] {
        #expect(try await Self.create(users, alice, [field: sql]).fields == [field])
      }
      for field in ["name", "company", "line1", "line2", "city", "region"] {
        for value in [1 as Any, ["x"], ["a": "b"], "a\u{1}b", "a\u{202E}b", String(repeating: "x", count: 201)] {
          let reply = try await Self.create(users, alice, [field: value])
          #expect(reply.status == 422 && reply.fields == [field], "\(field) \(value)")
        }
      }
      for value in ["", "D", "DEU", "Ð€", "de ", "\u{0}"] {
        #expect([400, 422].contains(try await Self.create(users, alice, ["country": value]).status), "\(value)")
      }
      #expect(try await Self.create(users, alice, ["default_shipping": "true"]).fields == ["default_shipping"])
      let everything = try await users.send(UserAPI.createAddress, raw: "{}", token: alice.token)
      #expect(everything.status == 422)
      let nul = "{\"name\": \"a\\u0000\", \"line1\": \"x\", \"city\": \"y\", \"country\": \"FR\"}"
      #expect(try await users.send(UserAPI.createAddress, raw: nul, token: alice.token).status == 400)
      #expect(try await Self.all(users, alice).count == 1)
    }
  }
}
