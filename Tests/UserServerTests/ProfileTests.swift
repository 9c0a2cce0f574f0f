import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Testbed
import Testing
import UserAPI
import UserServer

@Suite struct ProfileTests {
  @Test("whoever comes before their account was heard of gets a profile, once", arguments: Engine.available)
  func appears(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org", name: "Alice")
      let replies = try await withThrowingTaskGroup(of: Reply<Profile>.self) { group in
        for _ in 0..<10 { group.addTask { try await users.me(alice) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.allSatisfy { $0.status == 200 })
      let profile = try replies[0].value
      #expect(try replies.allSatisfy { try $0.value == profile })
      #expect(profile.id == alice.id && profile.email == "alice@example.org" && profile.displayName == "Alice")
      #expect(profile.status == .known(.active) && profile.locale == "en" && profile.timezone == "UTC")
      #expect(replies[0].etag == "\"v\(profile.version)\"")
      let asked = users.directory.asked
      #expect(try await users.me(alice).status == 200)
      #expect(users.directory.asked == asked, "auth is asked once")
      #expect(try await users.changes(of: alice.id) == ["updated \(profile.version)"])
      let same = try await users.send(UserAPI.profile, token: alice.token, headers: ["If-None-Match": replies[0].etag])
      #expect(same.status == 304)
    }
  }

  @Test("while auth is away it is 503 with Retry-After, and nothing is made up", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      users.directory.setAway(true)
      for reply in [
        try await users.me(alice).status,
        try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: alice.token).status,
        try await users.send(UserAPI.addresses, token: alice.token).status,
        try await users.send(UserAPI.preferences, token: alice.token).status,
      ] { #expect(reply == 503) }
      let reply = try await users.me(alice)
      #expect(reply.code == "directory_unavailable" && reply.headers[.retryAfter] == "2")
      #expect(try await users.count("users", of: alice.id, "id") == 0)
      users.directory.setAway(false)
      #expect(try await users.me(alice).status == 200)
      users.directory.setAway(true)
      #expect(try await users.me(alice).status == 200, "who is known needs auth no more")
    }
  }

  @Test("a token without an account has no profile", arguments: Engine.available)
  func strangers(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      #expect(try await users.send(UserAPI.profile).status == 401)
      #expect(try await users.send(UserAPI.profile, token: FakeVerifier.token(subject: "load-test")).status == 404)
      #expect(try await users.send(UserAPI.profile, token: FakeVerifier.token(UUID())).status == 404)
      let ghost = UUID()
      _ = try await users.send(UserAPI.profile, token: FakeVerifier.token(ghost))
      #expect(try await users.count("users", of: ghost, "id") == 0)
    }
  }

  @Test("a change takes what is given, null takes away, what is left out stays", arguments: Engine.available)
  func patch(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org", name: "Alice A.")
      func patch(_ fields: [String: Any], ifMatch: String? = nil) async throws -> Reply<Profile> {
        try await users.send(
          UserAPI.updateProfile, nil, fields, token: alice.token, headers: ifMatch.map { ["If-Match": $0] } ?? [:])
      }
      let first = try await users.me(alice)
      let full = try await patch(
        [
          "display_name": "  Ali\u{0065}\u{0301}  ", "given_name": "Alice", "family_name": "Liddell",
          "phone": "+44 (20) 7946-0958", "bio": "One\r\ntwo", "locale": "PT-br", "timezone": "Asia/Kolkata",
        ], ifMatch: first.etag)
      #expect(full.status == 200)
      var profile = try full.value
      #expect(profile.displayName == "Ali\u{E9}" && profile.phone == "+442079460958" && profile.bio == "One\ntwo")
      #expect(profile.locale == "pt-BR" && profile.timezone == "Asia/Kolkata")
      #expect(full.etag != first.etag)
      #expect(try await users.me(alice).value == profile)

      let stale = try await patch(["bio": "late"], ifMatch: first.etag)
      #expect(stale.status == 412 && stale.code == "precondition_failed")
      #expect(try await patch(["bio": "x"], ifMatch: "v1").status == 400, "a tag has quotes")

      profile = try await patch(["display_name": NSNull(), "locale": NSNull(), "phone": NSNull()]).value
      #expect(profile.displayName == "Alice A." && profile.locale == "en" && profile.phone == nil)
      #expect(profile.bio == "One\ntwo")
      #expect(try await patch([:]).value == profile, "nothing given, nothing changed, no new version")
      #expect(try await patch(["bio": "One\ntwo"]).value.version == profile.version)
    }
  }

  @Test("of fifty changes with one ETag, one wins", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let etag = try await users.me(alice).etag
      let replies = try await withThrowingTaskGroup(of: (Int, String).self) { group in
        for number in 0..<50 {
          group.addTask {
            let reply = try await users.send(
              UserAPI.updateProfile, nil, ["bio": "\(number)"], token: alice.token, headers: ["If-Match": etag])
            return (reply.status, reply.text)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.filter { $0.0 == 200 }.count == 1)
      #expect(replies.filter { $0.0 == 412 }.count == 49, "\(replies.map(\.0))")
      #expect(try await users.me(alice).value.version == 3)
      #expect(try await users.changes(of: alice.id) == ["updated 2", "updated 3"])
    }
  }

  @Test("behind a cache, whoever writes reads what they wrote", arguments: Engine.available)
  func cached(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine, reader: { StickyReader($0) }) { users in
      let alice = users.person("alice@example.org")
      let general = "/api/v1/users/me/preferences/general"
      _ = try await users.me(alice)
      _ = try await users.send(UserAPI.updateProfile, nil, ["bio": "new"], token: alice.token)
      #expect(try await users.me(alice).value.bio == "new")
      _ = try await users.send(UserAPI.patchPreference, general, ["value": ["locale": "de"]], token: alice.token)
      #expect(try await users.me(alice).value.locale == "de")
      _ = try await users.send(UserAPI.deletePreference, general, token: alice.token)
      #expect(try await users.me(alice).value.locale == "en")
      let pending = try await users.askErasure(of: alice).value
      #expect(try await users.me(alice).value == pending)
      let restored = try await users.send(UserAPI.restoreProfile, token: alice.token).value
      #expect(try await users.me(alice).value == restored)
      // What the cache does not know yet does not let anybody write.
      _ = try await users.me(alice)
      try await users.database.write { try users.service.lifecycle.deleted(alice.id, in: $0) }
      #expect(try await users.me(alice).status == 200, "the cache is as old as it may be")
      #expect(try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: alice.token).status == 404)
      #expect(try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token).status == 404)
    }
  }

  @Test("everything that is wrong is named at once, by field", arguments: Engine.available)
  func invalid(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let before = try await users.me(alice).value
      let reply = try await users.send(
        UserAPI.updateProfile, nil,
        [
          "display_name": " ", "given_name": "a\u{7}b", "family_name": String(repeating: "x", count: 101),
          "phone": "030 123", "bio": "left\u{202E}right", "locale": "english please", "timezone": "Mars/Olympus",
        ], token: alice.token)
      #expect(reply.status == 422)
      #expect(
        Set(reply.fields) == ["display_name", "given_name", "family_name", "phone", "bio", "locale", "timezone"])
      for (field, value) in [
        ("bio", 1 as Any), ("bio", ["x"]), ("bio", ["a": "b"]), ("display_name", true),
        // One character of many scalars, and many characters of few bytes.
        ("bio", "e" + String(repeating: "\u{301}", count: 4000)), ("bio", String(repeating: "a", count: 501)),
        ("display_name", String(repeating: "👩‍👩‍👧‍👦", count: 200)), ("given_name", "line\nbreak"),
      ] {
        let reply = try await users.send(UserAPI.updateProfile, nil, [field: value], token: alice.token)
        #expect(reply.status == 422 && reply.fields == [field], "\(field) \(value)")
      }
      #expect(try await users.me(alice).value == before)
      let edge = try await users.send(
        UserAPI.updateProfile, nil, ["bio": String(repeating: "é", count: 500)], token: alice.token)
      #expect(try edge.value.bio?.count == 500)
    }
  }

  @Test("a body that is no JSON, too deep, too large or of another type never gets in", arguments: Engine.available)
  func hostile(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      func status(_ body: String, _ headers: [String: String] = [:]) async throws -> Int {
        try await users.send(UserAPI.updateProfile, raw: body, token: alice.token, headers: headers).status
      }
      #expect(try await status("{\"bio\": ") == 400)
      #expect(try await status("{\"bio\": \"a\", \"bio\": \"b\"}") == 400)
      #expect(try await status("{\"bio\": \"a\\u0000b\"}") == 400)
      #expect(try await status("{\"bio\": \"a\u{0}b\"}") == 400)
      #expect(try await status("[]") == 422)
      #expect(try await status(String(repeating: "[", count: 100_000)) == 400)
      #expect(try await status("{\"bio\": \"\(String(repeating: "x", count: 2 << 20))\"}") == 413)
      #expect(try await status("{}", ["Content-Type": "text/plain"]) == 415)
      #expect(try await status("{\"status\": \"active\", \"email\": \"root@example.org\", \"version\": 9}") == 200)
      let profile = try await users.me(alice).value
      #expect(profile.email == "alice@example.org" && profile.version == 2, "what is auth's is not to be set here")
    }
  }

  @Test("SQL in any field is text", arguments: Engine.available)
  func injection(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let sql = "'; DROP TABLE users; -- \"$1 %_\\"
      let alice = users.person("alice@example.org", name: sql)
      let fields = ["display_name": sql, "given_name": sql, "family_name": sql, "bio": sql]
      let profile = try await users.send(UserAPI.updateProfile, nil, fields, token: alice.token).value
      #expect(profile.displayName == sql && profile.givenName == sql && profile.bio == sql)
      for field in ["phone", "locale", "timezone"] {
        #expect(try await users.send(UserAPI.updateProfile, nil, [field: sql], token: alice.token).fields == [field])
      }
      #expect(try await users.me(alice).value == profile)
    }
  }
}
