import AuthAPI
import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Logging
import Patience
import ServiceLifecycle
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct LifecycleTests {
  private typealias Step = @Sendable (Lifecycle, UUID, any Transaction) throws -> Void
  private static let registered: Step = { try $0.registered($1, in: $2) }
  private static let suspended: Step = { try $0.suspended($1, in: $2) }
  private static let reactivated: Step = { try $0.reactivated($1, in: $2) }
  private static let deleted: Step = { try $0.deleted($1, in: $2) }
  private static let emailChanged: Step = { try $0.emailChanged($1, in: $2) }

  private static func hear(_ steps: [Step], of id: UUID, _ users: UserFixture) async throws {
    for step in steps { try await users.database.write { try step(users.service.lifecycle, id, $0) } }
  }

  private static func row(_ id: UUID, _ users: UserFixture) async throws -> UserRow? {
    try await users.database.read { try UserStore($0).find(id) }
  }

  @Test("registered makes a profile that is filled soon after, however often it is heard", arguments: Engine.available)
  func registered(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org", name: "Alice")
      try await Self.hear([Self.registered, Self.registered], of: alice.id, users)
      #expect(try await users.changes(of: alice.id).isEmpty, "there is nothing to be seen yet")
      #expect(try await users.service.copies.refreshDue() == 1)
      #expect(try await users.service.copies.refreshDue() == 0)
      let profile = try await users.me(alice).value
      #expect(profile.email == "alice@example.org" && profile.displayName == "Alice")
      try await Self.hear([Self.registered], of: alice.id, users)
      _ = try await users.service.copies.refreshDue()
      #expect(try await users.me(alice).value == profile)
    }
  }

  @Test(
    "the last administrator cannot ask to be erased, nor anybody while auth cannot say", arguments: Engine.available)
  func lastAdministrator(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine, { $0.erasureServices = ["auth"] }) { users in
      let alice = users.person("alice@example.org")
      users.services.wait(for: [AuthAPI.lastAdministrator: 1])
      let refused = try await users.askErasure(of: alice)
      #expect(refused.status == 409 && refused.code == "last_administrator")
      users.services.setAway("auth", true)
      #expect(try await users.askErasure(of: alice).status == 503)
      #expect(try await users.me(alice).value.deletionDueAt == nil, "nothing was begun")
      users.services.setAway("auth", false)
      users.services.wait(for: [:])
      #expect(try await users.askErasure(of: alice).status == 202)
    }
  }

  @Test("in whatever order events come, auth's word counts in the end", arguments: Engine.available)
  func anyOrder(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let steps: [Step] = [Self.registered, Self.suspended, Self.reactivated, Self.emailChanged]
      for (number, order) in permutations(Array(steps.indices)).enumerated() {
        for isSuspended in [false, true] {
          let id = users.directory.add("\(number)-\(isSuspended)@example.org")
          users.directory.change(id) { $0.status = isSuspended ? .suspended : .active }
          // Some of them twice, and a look in between.
          try await Self.hear(order.map { steps[$0] }, of: id, users)
          if number.isMultiple(of: 2) { try await users.service.lifecycle.refresh(id) }
          try await Self.hear([steps[order[0]]], of: id, users)
          while try await users.service.copies.refreshDue() > 0 {}
          let row = try #require(try await Self.row(id, users))
          #expect(row.status == (isSuspended ? .suspended : .active), "\(order)")
          #expect(row.email == "\(number)-\(isSuspended)@example.org" && row.directoryDueAt == nil)
        }
      }
    }
  }

  @Test("deleted is final, before and after anything else", arguments: Engine.available)
  func deleted(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      for steps in [
        [Self.deleted], [Self.deleted, Self.registered, Self.reactivated, Self.emailChanged],
        [Self.registered, Self.suspended, Self.deleted, Self.deleted], [Self.suspended, Self.deleted, Self.registered],
      ] {
        let id = users.directory.add("gone@example.org", name: "Gone")
        // A profile that is filled, and one that is not yet.
        if steps.count > 3 { _ = try await users.send(UserAPI.profile, token: FakeVerifier.token(id)) }
        try await Self.hear(steps, of: id, users)
        // Auth's read side may be behind and still say what was.
        try await users.service.lifecycle.refresh(id)
        let row = try #require(try await Self.row(id, users))
        #expect(row.status == .pendingDeletion && row.isAccountDeleted && row.email == nil && row.accountName.isEmpty)
        #expect(row.deletionDueAt == users.clock.now)
        let token = FakeVerifier.token(id)
        #expect(try await users.send(UserAPI.profile, token: token).status == 404)
        #expect(try await users.send(UserAPI.restoreProfile, token: token).status == 404)
        #expect(try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: token).status == 404)
        #expect(try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: token).status == 404)
        #expect(
          try await users.send(
            UserAPI.putPreference, "/api/v1/users/me/preferences/app.x", ["value": [:]], token: token
          )
          .status == 404)
      }
    }
  }

  @Test("a legal hold keeps the copy of a deleted account until it is released", arguments: Engine.available)
  func deletedUnderHold(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      for isFoundOut in [false, true] {
        let alice = users.person("alice-\(isFoundOut)@example.org", name: "Alice")
        _ = try await users.me(alice)
        let path = "/api/v1/users/\(alice.id.lowercased)/legal-hold"
        let hold = try await users.send(UserAPI.setLegalHold, path, ["reason": "4 O 12/26"], token: users.administrator)
        #expect(hold.status == 200)
        if isFoundOut {
          users.directory.change(alice.id) { ($0.status, $0.email, $0.name) = (.deleted, nil, "") }
          try await users.service.lifecycle.refresh(alice.id)
        } else {
          try await Self.hear([Self.deleted], of: alice.id, users)
        }
        let row = try #require(try await Self.row(alice.id, users))
        #expect(row.isAccountDeleted && row.email == "alice-\(isFoundOut)@example.org" && row.accountName == "Alice")
        #expect(try await users.me(alice).status == 404)
        let shown = try await users.send(
          UserAPI.user, "/api/v1/users/\(alice.id.lowercased)", token: users.administrator)
        #expect(try shown.value.email == nil && shown.value.displayName.isEmpty, "to everybody it is gone")
        func due() async throws -> [UUID] {
          try await users.database.write { try users.service.lifecycle.requestDueErasures(limit: 10, in: $0) }
        }
        #expect(try await due().isEmpty)
        _ = try await users.send(
          UserAPI.releaseLegalHold, path + "/release", ["reason": "closed"], token: users.administrator)
        #expect(try await due() == [alice.id])
        try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) }
        let erased = try #require(try await Self.row(alice.id, users))
        #expect(erased.email == nil && erased.accountName.isEmpty && erased.erasedAt != nil)
      }
    }
  }

  @Test("a look at auth that finds the account deleted counts like the event", arguments: Engine.available)
  func foundDeleted(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await users.me(alice)
      users.directory.change(alice.id) { ($0.status, $0.email, $0.name) = (.deleted, nil, "") }
      try await users.service.lifecycle.refresh(alice.id)
      #expect(try await users.me(alice).status == 404)
    }
  }

  @Test("a copy never goes back to an older version of the account", arguments: Engine.available)
  func forwardsOnly(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("old@example.org", name: "Old")
      _ = try await users.me(alice)
      let old = try #require(users.directory.current(alice.id))
      users.directory.change(alice.id) { ($0.email, $0.name) = ("new@example.org", "New") }
      try await users.service.lifecycle.refresh(alice.id)
      let profile = try await users.me(alice).value
      #expect(profile.email == "new@example.org" && profile.displayName == "New")
      users.directory.rewind(alice.id, to: old)
      try await users.service.lifecycle.refresh(alice.id)
      #expect(try await users.me(alice).value == profile)
    }
  }

  @Test("what is heard while auth is asked is looked at again", arguments: Engine.available)
  func overtaken(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      _ = try await users.me(alice)
      users.directory.beforeNextAnswer {
        users.directory.change(alice.id) { $0.status = .suspended }
        try await Self.hear([Self.suspended], of: alice.id, users)
      }
      try await users.service.lifecycle.refresh(alice.id)
      #expect(try await Self.row(alice.id, users)?.status == .suspended, "the old answer does not undo the event")
      #expect(try await users.service.copies.refreshDue() == 1)
      #expect(try await Self.row(alice.id, users)?.status == .suspended)
      let writes = try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: alice.token)
      #expect(writes.status == 403 && writes.code == "user_suspended")
      users.directory.change(alice.id) { $0.status = .active }
      try await Self.hear([Self.reactivated], of: alice.id, users)
      #expect(try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: alice.token).status == 200)
    }
  }

  @Test("what the user chose outlives a new name in auth", arguments: Engine.available)
  func chosenName(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org", name: "Alice")
      _ = try await users.send(UserAPI.updateProfile, nil, ["display_name": "Wonder"], token: alice.token)
      users.directory.change(alice.id) { $0.name = "Alice Liddell" }
      try await users.service.lifecycle.refresh(alice.id)
      #expect(try await users.me(alice).value.displayName == "Wonder")
      let reset = try await users.send(UserAPI.updateProfile, nil, ["display_name": NSNull()], token: alice.token)
      #expect(try reset.value.displayName == "Alice Liddell")
    }
  }

  @Test("asking to be erased takes a sign-in or step-up of the last ten minutes", arguments: Engine.available)
  func stepUp(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      let now = Int(users.clock.now.timeIntervalSince1970)
      for markers in ["", "~at=\(now - 601)"] {
        let old = try await users.send(UserAPI.deleteProfile, token: alice.token + markers)
        #expect(old.status == 401 && old.code == "insufficient_user_authentication", "\(old.text)")
        #expect(old.headers[.wwwAuthenticate]?.contains("max_age=\"600\"") == true)
        #expect(old.problem?.extensions["methods"] == .array([.string("totp"), .string("recovery_code")]))
      }
      #expect(try await users.me(alice).value.status == .known(.active))
      let asked = try await users.send(UserAPI.deleteProfile, token: "\(alice.token)~at=\(now - 599)~client")
      #expect(asked.status == 202, "who has no password signs in at an app: \(asked.text)")
    }
  }

  @Test("how long ago that may be is what auth has, too", arguments: Engine.available)
  func stepUpAge(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine, { $0.stepUpMaximumAge = 1_200 }) { users in
      let alice = try await users.known("alice@example.org")
      let now = Int(users.clock.now.timeIntervalSince1970)
      let old = try await users.send(UserAPI.deleteProfile, token: "\(alice.token)~at=\(now - 1_201)")
      #expect(old.status == 401 && old.headers[.wwwAuthenticate]?.contains("max_age=\"1200\"") == true)
      #expect(try await users.send(UserAPI.deleteProfile, token: "\(alice.token)~at=\(now - 1_199)").status == 202)
    }
    for seconds in [59.0, 3_601] {
      var configuration = UserConfiguration()
      configuration.stepUpMaximumAge = seconds
      #expect(throws: UserConfigurationError.self) { try configuration.validate() }
    }
  }

  @Test("one's own deletion can be taken back until the grace is over", arguments: Engine.available)
  func grace(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine, { $0.deletionGrace = 600 }) { users in
      let alice = users.person("alice@example.org")
      let etag = try await users.me(alice).etag
      #expect(try await users.askErasure(of: alice, headers: ["If-Match": "\"v9\""]).status == 412)
      let asked = try await users.askErasure(of: alice, headers: ["If-Match": etag])
      #expect(asked.status == 202)
      let profile = try asked.value
      #expect(profile.status == .known(.pendingDeletion) && profile.deletionDueAt == users.clock.now + 600)
      users.clock.advance(60)
      #expect(try await users.askErasure(of: alice).value == profile, "asked again, the same")
      #expect(try await users.me(alice).value == profile)
      #expect(
        try await users.send(UserAPI.updateProfile, nil, ["bio": "x"], token: alice.token).code == "deletion_pending")
      #expect(
        try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token).code == "deletion_pending")
      let restored = try await users.send(UserAPI.restoreProfile, token: alice.token)
      #expect(try restored.value.status == .known(.active) && restored.value.deletionDueAt == nil)
      #expect(try await users.send(UserAPI.restoreProfile, token: alice.token).value == restored.value)
      #expect(
        try await users.changes(of: alice.id).filter { !$0.hasPrefix("updated") }
          == ["deletion_requested", "deletion_cancelled"])
      _ = try await users.askErasure(of: alice)
      users.clock.advance(600)
      let late = try await users.send(UserAPI.restoreProfile, token: alice.token)
      #expect(late.status == 409 && late.code == "grace_over")
    }
  }

  @Test("erasures that are due are asked for once, and cannot be taken back", arguments: Engine.available)
  func due(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let (alice, bob, carol) = (
        users.person("a@example.org"), users.person("b@example.org"), users.person("c@example.org")
      )
      for person in [alice, bob] { _ = try await users.askErasure(of: person) }
      _ = try await users.me(carol)
      let lifecycle = users.service.lifecycle
      func due() async throws -> [UUID] {
        try await users.database.write { try lifecycle.requestDueErasures(limit: 1, in: $0) }
      }
      #expect(try await due().isEmpty)
      users.clock.advance(30 * 86_400)
      let first = try await due()
      let second = try await due()
      #expect(Set(first + second) == [alice.id, bob.id] && first.count == 1)
      #expect(try await due().isEmpty)
      #expect(try await users.changes(of: alice.id).last == "erasure_requested")
    }
  }

  @Test("of an erased user only the id stays, for ever", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org", name: "Alice")
      _ = try await users.send(
        UserAPI.updateProfile, nil, ["bio": "secret", "phone": "+4930123456", "given_name": "Ally"], token: alice.token)
      _ = try await users.send(UserAPI.createAddress, nil, Berlin.fields, token: alice.token)
      _ = try await users.send(
        UserAPI.putPreference, "/api/v1/users/me/preferences/app.x", ["value": ["a": 1]], token: alice.token)
      for _ in 0..<2 { try await users.database.write { try users.service.lifecycle.erase(alice.id, in: $0) } }
      let everything: [Step] = [
        Self.registered, Self.suspended, Self.reactivated, Self.emailChanged, Self.deleted,
      ]
      try await Self.hear(everything, of: alice.id, users)
      try await users.service.lifecycle.refresh(alice.id)
      let row = try #require(try await Self.row(alice.id, users))
      #expect(row.status == .erased)
      var blank = row
      blank.blank()
      #expect(row == blank && row.directoryDueAt == nil)
      for table in ["addresses", "preferences", "user_terms"] as [SQL] {
        #expect(try await users.count(table, of: alice.id) == 0, "\(table)")
      }
      #expect(try await users.me(alice).status == 404)
      let tombstone = try await users.send(
        UserAPI.user, "/api/v1/users/\(alice.id.lowercased)", token: users.administrator
      ).value
      #expect(tombstone.status == .known(.erased) && tombstone.email == nil && tombstone.displayName.isEmpty)
      #expect(try await users.changes(of: alice.id).filter { $0 == "erased" }.count == 1)
      let unheard = UUID.v7()
      try await users.database.write { try users.service.lifecycle.erase(unheard, in: $0) }
      try await Self.hear([Self.registered], of: unheard, users)
      #expect(try await Self.row(unheard, users)?.status == .erased)
    }
  }

  @Test("what runs by itself fetches an account as soon as it is heard of", arguments: Engine.available)
  func tasks(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      let group = ServiceGroup(
        services: [users.service.tasks], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await Self.hear([Self.registered], of: alice.id, users)
        let email = try await eventually("the account is fetched") { try await Self.row(alice.id, users)?.email }
        #expect(email == "alice@example.org")
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  @Test("while auth is away an account stays due, and is not asked for again at once", arguments: Engine.available)
  func retries(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      try await Self.hear([Self.registered], of: alice.id, users)
      users.directory.setAway(true)
      await #expect(throws: Problem.self) { try await users.service.copies.refreshDue() }
      let asked = users.directory.asked
      #expect(try await users.service.copies.refreshDue() == 0 && users.directory.asked == asked)
      users.directory.setAway(false)
      users.clock.advance(30)
      #expect(try await users.service.copies.refreshDue() == 1)
      #expect(try await Self.row(alice.id, users)?.email == "alice@example.org")

      // Whoever cannot be looked up keeps nobody else waiting.
      let (mallory, bob) = (users.person("mallory@example.org"), users.person("bob@example.org"))
      users.directory.rewind(
        mallory.id, to: DirectoryAccount(id: UUID(), email: "x@y.z", name: "Other", status: .active, version: 1))
      try await Self.hear([Self.registered], of: mallory.id, users)
      users.clock.advance(1)
      try await Self.hear([Self.registered], of: bob.id, users)
      await #expect(throws: Problem.self) { try await users.service.copies.refreshDue() }
      #expect(try await Self.row(bob.id, users)?.email == "bob@example.org")
      #expect(try await Self.row(mallory.id, users)?.email == nil, "another account's answer is not taken")
    }
  }
}

private func permutations<Element>(_ elements: [Element]) -> [[Element]] {
  guard elements.count > 1 else { return [elements] }
  return elements.indices.flatMap { index in
    var rest = elements
    let element = rest.remove(at: index)
    return permutations(rest).map { [element] + $0 }
  }
}
