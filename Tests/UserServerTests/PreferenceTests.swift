import Foundation
import GravityContracts
import HTTPTypes
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct PreferenceTests {
  private static func path(_ namespace: String) -> String { "/api/v1/users/me/preferences/\(namespace)" }

  private static func put(
    _ users: UserFixture, _ person: UserFixture.Person, _ namespace: String, _ value: Any, _ etag: String? = nil
  ) async throws -> Reply<Preference> {
    try await users.send(
      UserAPI.putPreference, path(namespace), ["value": value], token: person.token,
      headers: etag.map { ["If-Match": $0] } ?? [:])
  }

  private static func patch(
    _ users: UserFixture, _ person: UserFixture.Person, _ namespace: String, _ value: Any, _ etag: String? = nil
  ) async throws -> Reply<Preference> {
    try await users.send(
      UserAPI.patchPreference, path(namespace), ["value": value], token: person.token,
      headers: etag.map { ["If-Match": $0] } ?? [:])
  }

  @Test("general is the profile's own locale and time zone, and a theme", arguments: Engine.available)
  func general(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let first = try await users.send(UserAPI.preference, Self.path("general"), token: alice.token)
      #expect(try first.value.value == ["locale": "en", "timezone": "UTC", "theme": "system"])
      #expect(first.etag == (try await users.me(alice).etag))
      let changed = try await Self.patch(users, alice, "general", ["theme": "dark", "locale": "de-at"], first.etag)
      #expect(try changed.value.value == ["locale": "de-AT", "timezone": "UTC", "theme": "dark"])
      #expect(try await users.me(alice).value.locale == "de-AT")
      #expect(try await Self.patch(users, alice, "general", ["theme": "light"], first.etag).status == 412)
      _ = try await users.send(UserAPI.updateProfile, nil, ["timezone": "Europe/Vienna"], token: alice.token)
      let seen = try await users.send(UserAPI.preference, Self.path("general"), token: alice.token).value
      #expect(seen.value.members["timezone"] == "Europe/Vienna")
      #expect(
        try await Self.put(users, alice, "general", ["theme": "light"]).value.value
          == ["locale": "en", "timezone": "UTC", "theme": "light"], "put sets all")
      #expect(
        try await Self.patch(users, alice, "general", ["theme": NSNull()]).value.value.members["theme"] == "system")
      let wrong = try await Self.put(
        users, alice, "general", ["theme": "pink", "locale": 1, "timezone": "Mars/X", "colour": "red"])
      #expect(wrong.status == 422)
      #expect(Set(wrong.fields) == ["value.theme", "value.locale", "value.timezone", "value.colour"])
      #expect(try await users.changes(of: alice.id).filter { $0 == "preferences general" }.count == 3)
      _ = try await Self.put(users, alice, "general", ["locale": "fr"])
      #expect(try await users.send(UserAPI.deletePreference, Self.path("general"), token: alice.token).status == 204)
      #expect(try await users.me(alice).value.locale == "en")
    }
  }

  @Test("notifications have a default for every channel and category", arguments: Engine.available)
  func notifications(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let first = try await users.send(UserAPI.preference, Self.path("notifications"), token: alice.token)
      #expect(first.etag == "\"v0\"")
      #expect(try first.value.updatedAt == nil)
      #expect(Set(try first.value.value.members.keys) == ["email", "push", "sms", "in_app"])
      func isOn(_ value: JSONObject, _ channel: String, _ category: String) -> Bool? {
        guard case .object(let categories)? = value.members[channel], case .bool(let isOn)? = categories[category]
        else { return nil }
        return isOn
      }
      #expect(isOn(try first.value.value, "email", "orders") == true)
      #expect(isOn(try first.value.value, "email", "marketing") == false)
      let changed = try await Self.patch(
        users, alice, "notifications", ["email": ["orders": false], "sms": ["orders": true]], first.etag)
      #expect(isOn(try changed.value.value, "email", "orders") == false)
      #expect(isOn(try changed.value.value, "sms", "orders") == true)
      #expect(isOn(try changed.value.value, "push", "orders") == true)
      #expect(try await Self.patch(users, alice, "notifications", [:], first.etag).status == 412)
      let back = try await Self.patch(users, alice, "notifications", ["email": NSNull()]).value
      #expect(isOn(back.value, "email", "orders") == true && isOn(back.value, "sms", "orders") == true)
      let wrong = try await Self.put(
        users, alice, "notifications",
        [
          "email": ["security": false, "gossip": true], "pigeon": ["orders": true], "sms": ["orders": "yes"], "push": 1,
        ])
      #expect(wrong.status == 422)
      #expect(
        Set(wrong.fields) == [
          "value.email.security", "value.email.gossip", "value.pigeon", "value.sms.orders", "value.push",
        ])
      #expect(
        try await users.send(UserAPI.deletePreference, Self.path("notifications"), token: alice.token).status == 204)
      let reset = try await users.send(UserAPI.preference, Self.path("notifications"), token: alice.token)
      #expect(try reset.value == first.value)
    }
  }

  @Test(
    "a namespace of an application keeps any object, merges patches, and never repeats a tag",
    arguments: Engine.available)
  func own(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let place = Self.path("app.editor")
      #expect(try await users.send(UserAPI.preference, place, token: alice.token).status == 404)
      #expect(try await Self.put(users, alice, "app.editor", [:], "*").status == 412, "there is nothing to match")
      let value: [String: Any] = [
        "font": ["size": 12, "name": "Mono"], "tabs": [1, 2.5, NSNull(), "x"], "big": 9_007_199_254_740_993 as Int64,
        "on": true, "none": NSNull(), "sql": "'; DROP TABLE preferences; --", "😀": "é",
      ]
      let first = try await Self.put(users, alice, "app.editor", value)
      #expect(first.status == 200)
      let kept = try await users.send(UserAPI.preference, place, token: alice.token)
      #expect(try kept.value == first.value && kept.etag == first.etag)
      #expect(try kept.value.value.members["big"] == .integer(9_007_199_254_740_993))
      #expect(try kept.value.value.members["tabs"] == .array([.integer(1), .number(2.5), .null, "x"]))
      #expect(try await Self.put(users, alice, "app.editor", value).etag == first.etag, "the same again is no change")

      let merged = try await Self.patch(
        users, alice, "app.editor", ["font": ["size": NSNull(), "bold": true], "tabs": [9], "on": NSNull()], first.etag)
      #expect(try merged.value.value.members["font"] == .object(["name": "Mono", "bold": true]))
      #expect(try merged.value.value.members["tabs"] == .array([.integer(9)]))
      #expect(try merged.value.value.members["on"] == nil)
      #expect(try await Self.patch(users, alice, "app.editor", [:], first.etag).status == 412)

      #expect(
        try await users.send(UserAPI.deletePreference, place, token: alice.token, headers: ["If-Match": first.etag])
          .status == 412)
      #expect(try await users.send(UserAPI.deletePreference, place, token: alice.token).status == 204)
      #expect(try await users.send(UserAPI.deletePreference, place, token: alice.token).status == 404)
      let reborn = try await Self.patch(users, alice, "app.editor", ["a": ["b": NSNull(), "c": 1]])
      #expect(try reborn.value.value == ["a": .object(["c": .integer(1)])])
      #expect(![first.etag, merged.etag].contains(reborn.etag))
    }
  }

  @Test("caps on names, number, size and depth hold", arguments: Engine.available)
  func caps(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      for name in [
        "app", "app.", "app.A", "app.1", "app.a.b", "app.a%20b", "app.%27", "app.\(String(repeating: "a", count: 41))",
        "secret", "General", "app.%00", "app.%E2%82%AC",
      ] {
        let status = try await Self.put(users, alice, name, [:]).status
        #expect(status == 404 || status == 400, "\(name) \(status)")
      }
      func nested(_ depth: Int) -> String {
        String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
      }
      func raw(_ value: String, _ name: String = "app.x") async throws -> Reply<Preference> {
        try await users.send(UserAPI.putPreference, Self.path(name), raw: "{\"value\":\(value)}", token: alice.token)
      }
      #expect(try await raw(nested(5)).status == 200)
      let deep = try await raw(nested(6))
      #expect(deep.status == 422 && deep.problem?.errors?.first?.code == "too_deep")
      #expect(try await raw(nested(60)).status == 422)
      #expect(try await raw(nested(100)).status == 400)
      #expect(try await raw("{\"a\":\"\(String(repeating: "x", count: 8192 - 8))\"}").status == 200)
      let large = try await raw("{\"a\":\"\(String(repeating: "x", count: 8192 - 7))\"}")
      #expect(large.status == 422 && large.problem?.errors?.first?.code == "too_long")
      let grown = try await Self.patch(users, alice, "app.x", ["b": "too much"])
      #expect(grown.status == 422, "a patch cannot go over the cap either")
      for value in ["null", "1", "[]", "\"x\"", "true"] { #expect(try await raw(value).status == 422, "\(value)") }
      #expect(try await raw("{\"a\":1e999}").status == 422)
      #expect(try await raw("{\"a\":\"\\u0000\"}").status == 400)
      #expect(
        try await users.send(UserAPI.putPreference, Self.path("app.x"), raw: "{}", token: alice.token).status == 422)

      for number in 1..<19 { #expect(try await raw("{}", "app.n\(number)").status == 200) }
      let last = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<5 { group.addTask { try await raw("{}", "app.last\(number)").status } }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(last.filter { $0 == 200 }.count == 1 && last.filter { $0 == 409 }.count == 4, "\(last)")
      #expect(try await raw("{\"still\":1}", "app.n1").status == 200)
      #expect(try await Self.put(users, alice, "notifications", [:]).status == 200, "built-in ones are not counted")
      let list = try await users.send(UserAPI.preferences, token: alice.token).value.items
      #expect(list.count == 22 && list[0].namespace == "general" && list[1].namespace == "notifications")
    }
  }

  @Test("one's preferences are nobody else's, and of fifty writes with one tag one wins", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let (alice, bob) = (users.person("alice@example.org"), users.person("bob@example.org"))
      let etag = try await Self.put(users, alice, "app.x", ["n": -1]).etag
      #expect(try await users.send(UserAPI.preference, Self.path("app.x"), token: bob.token).status == 404)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<50 {
          group.addTask { try await Self.patch(users, alice, "app.x", ["n": number], etag).status }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 412 }.count == 49, "\(statuses)")
      #expect(try await users.send(UserAPI.preferences, token: bob.token).value.items.count == 2)
    }
  }
}
