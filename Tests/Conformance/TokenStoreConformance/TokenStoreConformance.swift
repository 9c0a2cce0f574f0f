public import Foundation
public import GravityIdentity
import Testing

/// What every ``TokenStore`` must do; an engine's tests call it with a store of its own.
///
/// ```swift
/// @Test func conforms() async throws { try await TokenStoreConformance(now: clock) { RedisTokenStore(…) }.run() }
/// ```
public struct TokenStoreConformance: Sendable {
  private let makeStore: @Sendable () async throws -> any TokenStore
  private let start: Date

  /// - Parameters:
  ///   - start: The store's clock when the suite starts; it may go on by some seconds, no more.
  ///   - makeStore: An empty store, and another for every call.
  public init(start: Date = Date(), makeStore: @escaping @Sendable () async throws -> any TokenStore) {
    self.start = Date(timeIntervalSince1970: start.timeIntervalSince1970.rounded(.down))
    self.makeStore = makeStore
  }

  public func run() async throws {
    try await keepsTokensUntilTheyExpire()
    try await keepsTheLatestUse()
    try await keepsRevocations()
    try await judgesOneToken()
    try await revokesConcurrently()
    try await saysWhetherItIsWhole()
  }

  private func keepsTokensUntilTheyExpire() async throws {
    let store = try await makeStore()
    let live = IssuedToken(id: "t1", subject: "s", sessionID: "x", issuedAt: start, expiresAt: start + 900)
    let noSession = IssuedToken(id: "t2", subject: "ü\"\n", sessionID: nil, issuedAt: start, expiresAt: start + 900)
    let dead = IssuedToken(id: "t3", subject: "s", sessionID: "x", issuedAt: start - 900, expiresAt: start - 1)
    for token in [live, noSession, dead] { try await store.record(token) }
    #expect(try await store.token("t1") == live)
    #expect(try await store.token("t2") == noSession)
    #expect(try await store.token("t3") == nil, "an expired token is not there")
    #expect(try await store.token("never") == nil)
    try await store.record(live)
    #expect(try await store.token("t1") == live, "recording again changes nothing")
  }

  private func keepsTheLatestUse() async throws {
    let store = try await makeStore()
    try await store.touch(session: "a", at: start + 5, expiresAt: start + 900)
    try await store.touch(session: "a", at: start + 2, expiresAt: start + 900)
    try await store.touch(session: "b", at: start, expiresAt: start + 900)
    #expect(try await store.lastSeen(sessions: ["a", "b", "c"]) == ["a": start + 5, "b": start])
    #expect(try await store.lastSeen(sessions: []).isEmpty)
  }

  private func keepsRevocations() async throws {
    let store = try await makeStore()
    let revocations = [
      Revocation(.token("t"), expiresAt: start + 900), Revocation(.session("s"), expiresAt: start + 900),
      Revocation(.subject("u", epoch: 3), expiresAt: start + 900),
    ]
    try await store.revoke(revocations)
    try await store.revoke(revocations)
    try await store.revoke([Revocation(.token("gone"), expiresAt: start - 60)])
    try await store.revoke([])
    #expect(Set(try await store.revocations()) == Set(revocations))
  }

  private func judgesOneToken() async throws {
    let store = try await makeStore()
    func verdict(
      _ token: String, _ session: String? = nil, _ subject: String = "nobody", _ epoch: Int64 = 0
    ) async throws -> RevocationList.Verdict {
      try await store.verdict(tokenID: token, sessionID: session, subject: subject, epoch: epoch)
    }
    #expect(try await verdict("t") == .unknown, "nothing was seeded yet")
    try await store.seed([])
    #expect(try await verdict("t") == .accepted)
    try await store.revoke([
      Revocation(.token("t"), expiresAt: start + 900), Revocation(.session("s"), expiresAt: start + 900),
      Revocation(.subject("u", epoch: 3), expiresAt: start + 900), Revocation(.token("old"), expiresAt: start - 60),
    ])
    #expect(try await verdict("t") == .revoked)
    #expect(try await verdict("other") == .accepted)
    #expect(try await verdict("other", "s") == .revoked)
    #expect(try await verdict("other", "s2") == .accepted)
    #expect(try await verdict("other", nil, "u", 2) == .revoked)
    #expect(try await verdict("other", nil, "u", 3) == .accepted)
    #expect(try await verdict("old") == .accepted, "every such token has expired by itself")
    // A lower epoch that comes late takes nothing back.
    try await store.revoke([Revocation(.subject("u", epoch: 2), expiresAt: start + 900)])
    #expect(try await verdict("other", nil, "u", 2) == .revoked)
  }

  private func revokesConcurrently() async throws {
    let store = try await makeStore()
    let (count, expiry) = (200, start + 900)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        group.addTask { try await store.revoke([Revocation(.token("t\(number)"), expiresAt: expiry)]) }
      }
      try await group.waitForAll()
    }
    #expect(try await store.revocations().count == count, "a revocation may not be evicted")
  }

  private func saysWhetherItIsWhole() async throws {
    let store = try await makeStore()
    #expect(try await !store.isSeeded())
    let early = Revocation(.token("early"), expiresAt: start + 900)
    let known = Revocation(.token("known"), expiresAt: start + 900)
    try await store.revoke([early])
    #expect(try await !store.isSeeded(), "revoking is not seeding")
    try await store.seed([known])
    #expect(try await store.isSeeded())
    #expect(Set(try await store.revocations()) == [early, known], "seeding adds")
  }
}
