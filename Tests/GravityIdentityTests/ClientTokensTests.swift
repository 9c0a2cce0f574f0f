import Foundation
import GravityContracts
import GravityIdentity
import Synchronization
import Testing

@Suite("Tokens that auth issues to a service's client", .timeLimit(.minutes(1)))
struct ClientTokensTests {
  private let clock = TestClock()

  private func tokens(_ issuer: Issuer) -> ClientTokens {
    ClientTokens(now: { [clock] in clock.now }) { try await issuer.issue($0) }
  }

  @Test("a token is used for half its life, renewed while it is good, and waited for once it is not")
  func kept() async throws {
    let issuer = Issuer()
    let tokens = tokens(issuer)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 1")
    clock.advance(449)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 1")
    #expect(try await tokens.token(permissions: []) == " 2", "other permissions are another token")
    clock.advance(1)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 1", "nobody waits for the next one")
    await issuer.hasIssued(3)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 3")
    clock.advance(896)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 4", "it would end on its way")
    clock.advance(-3_600)
    #expect(try await tokens.token(permissions: ["a:b"]) == "a:b 5", "a clock that was set back")
  }

  @Test("auth that is away is noticed when the token ends, told at once for a second, and then asked again")
  func away() async throws {
    let issuer = Issuer()
    let tokens = tokens(issuer)
    _ = try await tokens.token(permissions: [])
    issuer.fails(true)
    clock.advance(890)
    #expect(try await tokens.token(permissions: []) == " 1")
    await issuer.wasAsked(2)
    clock.advance(5)
    await #expect(throws: Issuer.Away.self) { try await tokens.token(permissions: []) }
    let asked = issuer.asked
    await #expect(throws: Issuer.Away.self) { try await tokens.token(permissions: []) }
    #expect(issuer.asked == asked, "told without being asked")
    issuer.fails(false)
    clock.advance(1)
    #expect(try await tokens.token(permissions: []) == " 2")
  }

  @Test("a token that a service refused is not used again")
  func refused() async throws {
    let issuer = Issuer()
    let tokens = tokens(issuer)
    let first = try await tokens.token(permissions: [])
    tokens.refused("another")
    #expect(try await tokens.token(permissions: []) == first)
    tokens.refused(first)
    #expect(try await tokens.token(permissions: []) == " 2")
  }

  @Test("a hundred callers without a token ask once")
  func together() async throws {
    let issuer = Issuer()
    let tokens = tokens(issuer)
    let found = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<100 { group.addTask { try await tokens.token(permissions: []) } }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(found == [" 1"] && issuer.asked == 1)
  }
}

/// Issues tokens of 900 seconds that are numbered.
private final class Issuer: Sendable {
  struct Away: Error {}
  private struct State {
    var asked = 0
    var issued = 0
    var fails = false
    var waiting: [(isMet: @Sendable (Int, Int) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  var asked: Int { state.withLock { $0.asked } }
  func fails(_ fails: Bool) { state.withLock { $0.fails = fails } }

  func issue(_ permissions: [Permission]) async throws -> ClientTokens.Issued {
    let (number, waiting) = state.withLock { state in
      state.asked += 1
      if !state.fails { state.issued += 1 }
      let (asked, issued) = (state.asked, state.issued)
      let met = state.waiting.filter { $0.isMet(asked, issued) }
      state.waiting.removeAll { $0.isMet(asked, issued) }
      return (state.fails ? nil : issued as Int?, met)
    }
    for entry in waiting { entry.continuation.resume() }
    guard let number else { throw Away() }
    return .init(token: "\(permissions.map(\.rawValue).joined(separator: " ")) \(number)", lifetime: 900)
  }

  func wasAsked(_ count: Int) async { await wait { asked, _ in asked >= count } }
  func hasIssued(_ count: Int) async { await wait { _, issued in issued >= count } }

  private func wait(_ isMet: @escaping @Sendable (Int, Int) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if isMet(state.asked, state.issued) { return true }
        state.waiting.append((isMet, continuation))
        return false
      }
      if isOver { continuation.resume() }
    }
  }
}
