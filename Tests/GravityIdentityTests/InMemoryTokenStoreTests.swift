import Foundation
import GravityIdentity
import Testing
import TokenStoreConformance

@Suite struct InMemoryTokenStoreTests {
  @Test("the embedded store does what every store must")
  func conforms() async throws {
    try await TokenStoreConformance { InMemoryTokenStore(list: RevocationList(maximumAge: nil)) }.run()
  }

  @Test("a revocation is on the process's list as soon as the store has it")
  func feedsTheList() async throws {
    let list = RevocationList(maximumAge: .seconds(60))
    let store = InMemoryTokenStore(list: list)
    func verdict() -> RevocationList.Verdict { list.verdict(tokenID: "t", sessionID: nil, subject: "s", epoch: 0) }
    #expect(verdict() == .unknown)
    try await store.seed([])
    #expect(verdict() == .accepted)
    try await store.revoke([Revocation(.token("t"), expiresAt: Date() + 60)])
    #expect(verdict() == .revoked)
  }

  @Test("tokens and sessions are bounded, revocations are not, and all of them expire")
  func bounds() async throws {
    let clock = TestClock()
    let store = InMemoryTokenStore(list: RevocationList(maximumAge: nil), capacity: 10, now: { clock.now })
    for number in 0..<50 {
      let (id, expiry) = ("\(number)", clock.now + 900)
      try await store.record(
        IssuedToken(id: id, subject: "s", sessionID: nil, issuedAt: clock.now, expiresAt: expiry))
      try await store.touch(session: id, at: clock.now, expiresAt: expiry)
      try await store.revoke([Revocation(.token(id), expiresAt: expiry)])
    }
    #expect(try await store.token("0") == nil)
    #expect(try await store.token("49") != nil)
    #expect(try await store.lastSeen(sessions: (0..<50).map(String.init)).count == 10)
    #expect(try await store.revocations().count == 50)
    clock.advance(901)
    #expect(try await store.token("49") == nil)
    #expect(try await store.revocations().isEmpty)
    #expect(try await store.lastSeen(sessions: (0..<50).map(String.init)).isEmpty)
    try await store.touch(session: "new", at: clock.now, expiresAt: clock.now + 60)
    #expect(try await store.lastSeen(sessions: ["new"]).count == 1, "expired sessions made room")
  }
}
