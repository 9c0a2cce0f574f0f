import AuthAPI
import Foundation
import GravityContracts
import GravityEvents
import GravityIdentity
import Testing

@testable import gravity

@Suite("What a process without auth takes for revoked", .timeLimit(.minutes(5)))
struct FollowedRevocationsTests {
  private let masterKey = MasterKey()
  private let followed: FollowedRevocations
  private let received = ContinuousClock.now
  private let now = Date()

  init() { followed = FollowedRevocations(list: RevocationList(maximumAge: .seconds(1)), masterKey: masterKey) }

  private func entry(_ token: String) -> RevocationEntry {
    RevocationEntry(token: token, expiresAt: now + 3_600)
  }

  private func verdict(_ token: String = "good") -> RevocationList.Verdict {
    followed.list.verdict(tokenID: token, sessionID: nil, subject: "s", epoch: 0, at: received)
  }

  /// As auth announces it, unless told otherwise.
  private func announcement(
    after: Int64, _ tokens: [String] = [], next: Int64, complete: Bool = true, age: TimeInterval = 0,
    key: MasterKey? = nil, label: String = SealedAnnouncement.keyLabel, forged: (String) -> String = { $0 }
  ) throws -> EventMessage {
    let content = try WireFormat.makeEncoder().encode(
      RevocationAnnouncement(
        time: now - age, after: after,
        feed: RevocationFeed(items: tokens.map(entry), next: next, complete: complete)))
    let sealed = SealedAnnouncement(
      content: forged(String(decoding: content, as: UTF8.self)),
      mac: Data((key ?? masterKey).authenticationCode(label, content)).base64EncodedString())
    return CloudEvent(
      id: UUID.v7(), source: "/auth", type: AuthEvents.revocationsAnnounced.name, subject: nil, time: now, sequence: 0,
      traceparent: nil, data: Array(try WireFormat.makeEncoder().encode(sealed))
    ).message
  }

  private func take(_ message: EventMessage) { followed.take(announced: message, received: received, at: now) }

  /// What auth answered long ago, so that only an announcement can confirm the list now.
  private func knowsUp(to next: Int64) {
    followed.take(answer: RevocationFeed(items: [], next: next, complete: true), asked: received - .seconds(60))
  }

  @Test("a timely announcement without a gap confirms the list and brings it up")
  func timely() throws {
    knowsUp(to: 7)
    #expect(verdict() == .unknown)
    take(try announcement(after: 7, ["bad"], next: 8))
    #expect(verdict() == .accepted)
    #expect(verdict("bad") == .revoked)
    #expect(followed.next == 8)
    #expect(followed.isConfirmed(since: received))
    // Told twice, or by an instance that begins further back.
    take(try announcement(after: 5, ["bad"], next: 8))
    #expect(followed.next == 8 && verdict() == .accepted)
  }

  @Test("a confirmed list counts as older by as much as the clocks may differ")
  func margin() throws {
    knowsUp(to: 0)
    take(try announcement(after: 0, next: 0, age: 0.3))
    let limit = received + .seconds(1 - 0.3 - FollowedRevocations.greatestDelay)
    func verdict(at time: ContinuousClock.Instant) -> RevocationList.Verdict {
      followed.list.verdict(tokenID: "good", sessionID: nil, subject: "s", epoch: 0, at: time)
    }
    #expect(verdict(at: limit - .milliseconds(1)) == .accepted)
    #expect(verdict(at: limit + .milliseconds(1)) == .unknown)
  }

  @Test("what auth did not seal revokes nothing and confirms nothing")
  func forged() throws {
    knowsUp(to: 7)
    let event = { (data: String) in
      CloudEvent(
        id: UUID.v7(), source: "/auth", type: AuthEvents.revocationsAnnounced.name, subject: nil, time: self.now,
        sequence: 0, traceparent: nil, data: Array(data.utf8)
      ).message
    }
    let forgeries = [
      try announcement(after: 7, ["good"], next: 9, key: MasterKey()),
      try announcement(after: 7, ["good"], next: 9, label: "another purpose"),
      try announcement(after: 7, ["other"], next: 9) { $0.replacingOccurrences(of: "other", with: "good") },
      // Hiding that something was revoked.
      try announcement(after: 7, next: 8, complete: false) { $0.replacingOccurrences(of: "false", with: "true") },
      event(#"{"content":"{}","mac":""}"#), event(#"{"content":"{}","mac":"no base64"}"#), event("{}"),
      EventMessage(id: UUID.v7(), type: AuthEvents.revocationsAnnounced.name, body: Array("rubbish".utf8)),
    ]
    for (index, forgery) in forgeries.enumerated() {
      take(forgery)
      #expect(verdict() == .unknown, "forgery \(index)")
      #expect(followed.next == 7 && !followed.isConfirmed(since: received - .seconds(60)), "forgery \(index)")
    }
    // It was only the seal.
    take(try announcement(after: 7, ["good"], next: 9))
    #expect(verdict() == .revoked && followed.next == 9)
  }

  @Test("a late one, or one from the future, revokes but confirms nothing", arguments: [0.41, 60, -0.41, -60])
  func stale(age: TimeInterval) throws {
    knowsUp(to: 7)
    take(try announcement(after: 7, ["bad"], next: 8, age: age))
    #expect(verdict("bad") == .revoked)
    #expect(verdict() == .unknown)
    // What came with it is asked for again, which costs little.
    #expect(followed.next == 7 && !followed.isConfirmed(since: received - .seconds(60)))
  }

  @Test("after a gap, or when it is not complete, it revokes but confirms nothing until auth was asked")
  func gapped() throws {
    take(try announcement(after: 0, ["early"], next: 1))
    #expect(verdict("early") == .revoked)
    #expect(verdict() == .unknown && followed.next == 0, "it was not asked what came before")
    knowsUp(to: 7)
    take(try announcement(after: 8, ["bad"], next: 9))
    #expect(verdict("bad") == .revoked)
    #expect(verdict() == .unknown && followed.next == 7)
    take(try announcement(after: 7, next: 300, complete: false))
    #expect(verdict() == .unknown && followed.next == 7)
    #expect(!followed.isConfirmed(since: received - .seconds(60)))
    followed.take(
      answer: RevocationFeed(items: [entry("missed")], next: 300, complete: true), asked: received)
    #expect(verdict() == .accepted && verdict("missed") == .revoked)
    take(try announcement(after: 300, next: 300))
    #expect(followed.isConfirmed(since: received))
  }
}
