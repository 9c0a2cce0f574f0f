import AuthAPI
import Foundation
import GravityIdentity
import Synchronization
import Testbed
import Testing

@testable import AuthServer

@Suite("A token store on a bad day")
struct TokenStoreLossTests {
  @Test("one that lost its contents is filled again by whoever follows", arguments: Engine.available)
  func loss(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let store = RemoteTokenStore()
      let service = try await auth.instance(store)
      #expect(try await store.isSeeded())
      let revoked = try await auth.revokeSomething(at: service)
      #expect(try await store.revocations().contains { $0.target == revoked })
      store.lose()
      #expect(try await !store.isSeeded())
      try await service.revocations.follow()
      #expect(try await store.isSeeded())
      #expect(try await store.revocations().contains { $0.target == revoked })
    }
  }

  @Test("one that is away keeps auth neither from starting nor from following, and hears of everything later")
  func away() async throws {
    try await AuthFixture.run(on: .sqlite) { auth in
      let store = RemoteTokenStore()
      store.isAway = true
      let list = RevocationList(maximumAge: .seconds(60))
      let service = try await auth.instance(store, list)
      #expect(auth.log.lines.contains { $0.contains("the token store is not seeded yet") })
      #expect(list.verdict(tokenID: "t", sessionID: nil, subject: "s", epoch: 0) == .accepted, "the list is whole")
      // At another instance, whose store this is not.
      let revoked = try await auth.revokeSomething(at: auth.service)
      await #expect(throws: RemoteTokenStore.Away.self) { try await service.revocations.follow() }
      guard case .token(let id) = revoked else { return }
      #expect(list.verdict(tokenID: id, sessionID: nil, subject: "s", epoch: 0) == .revoked, "followed all the same")
      store.isAway = false
      try await service.revocations.follow()
      #expect(try await store.isSeeded())
      #expect(try await store.revocations().contains { $0.target == revoked })

      // Away once more, without losing anything: what it missed it is told.
      store.isAway = true
      let another = try await auth.revokeSomething(at: service)
      await #expect(throws: RemoteTokenStore.Away.self) { try await service.revocations.follow() }
      store.isAway = false
      #expect(try await !store.revocations().contains { $0.target == another })
      try await service.revocations.follow()
      #expect(try await store.revocations().contains { $0.target == another })
      #expect(store.seedCount == 1)
    }
  }
}

extension AuthFixture {
  fileprivate func instance(
    _ store: any TokenStore, _ list: RevocationList = RevocationList(maximumAge: nil)
  ) async throws -> AuthService {
    var configuration = AuthConfiguration()
    configuration.passwordCost = 4
    return try await Self.instance(
      database, masterKey, configuration, mailbox, clock, log, tokenStore: store, list: list)
  }

  fileprivate func revokeSomething(at service: AuthService) async throws -> Revocation.Target {
    let id = UUID().uuidString.lowercased()
    try await service.revocations.revoke(token: id, expiresAt: clock.now + 900)
    return .token(id)
  }
}

/// A store that other processes share, which can be away and can lose its contents.
private final class RemoteTokenStore: TokenStore {
  struct Away: Error {}
  private struct State {
    var store = InMemoryTokenStore(list: RevocationList(maximumAge: nil), now: { .distantPast })
    var isAway = false
    var seedCount = 0
  }
  private let state = Mutex(State())

  var isAway: Bool {
    get { state.withLock { $0.isAway } }
    set { state.withLock { $0.isAway = newValue } }
  }
  var seedCount: Int { state.withLock { $0.seedCount } }

  func lose() {
    state.withLock { $0.store = InMemoryTokenStore(list: RevocationList(maximumAge: nil), now: { .distantPast }) }
  }

  private func reach() throws -> InMemoryTokenStore {
    try state.withLock { state in
      if state.isAway { throw Away() }
      return state.store
    }
  }

  func record(_ token: IssuedToken) async throws { try await reach().record(token) }
  func token(_ id: String) async throws -> IssuedToken? { try await reach().token(id) }
  func touch(session id: String, at time: Date, expiresAt: Date) async throws {
    try await reach().touch(session: id, at: time, expiresAt: expiresAt)
  }
  func lastSeen(sessions ids: [String]) async throws -> [String: Date] { try await reach().lastSeen(sessions: ids) }
  func revoke(_ revocations: [Revocation]) async throws { try await reach().revoke(revocations) }
  func revocations() async throws -> [Revocation] { try await reach().revocations() }
  func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64
  ) async throws -> RevocationList.Verdict {
    try await reach().verdict(tokenID: tokenID, sessionID: sessionID, subject: subject, epoch: epoch)
  }
  func seed(_ revocations: [Revocation]) async throws {
    try await reach().seed(revocations)
    state.withLock { $0.seedCount += 1 }
  }
  func isSeeded() async throws -> Bool { try await reach().isSeeded() }
}
