import Foundation
import GravityIdentity
import Synchronization
import Testing

@Suite struct RevocationListTests {
  private let list = RevocationList(maximumAge: nil)
  private let end = Date(timeIntervalSinceNow: 3_600)

  private func principal(_ token: String, session: String? = nil, subject: String = "s", epoch: Int64 = 0) -> Principal
  {
    Principal(
      subject: subject, tokenID: token, sessionID: session, epoch: epoch, issuedAt: Date(), expiresAt: end)
  }

  /// Threads of their own, as event loops are.
  private func thread(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      Thread {
        body()
        continuation.resume()
      }.start()
    }
  }

  @Test("a reader and the list say the same of tokens, sessions and subjects, old and new")
  func same() {
    var reader = RevocationList.Reader(list)
    func verdict(_ principal: Principal) -> RevocationList.Verdict {
      let verdict = list.verdict(on: principal)
      #expect(reader.verdict(on: principal) == verdict)
      return verdict
    }
    #expect(verdict(principal("t")) == .accepted)
    list.insert([
      Revocation(.token("t"), expiresAt: end), Revocation(.session("x"), expiresAt: end),
      Revocation(.subject("ada", epoch: 3), expiresAt: end),
    ])
    // So many others that the first are not among the recent ones any more.
    for start in [0, 2_000, 4_000] {
      #expect(verdict(principal("t")) == .revoked)
      #expect(verdict(principal("u")) == .accepted)
      #expect(verdict(principal("u", session: "x")) == .revoked)
      #expect(verdict(principal("u", session: "y")) == .accepted)
      #expect(verdict(principal("u", subject: "ada", epoch: 2)) == .revoked)
      #expect(verdict(principal("u", subject: "ada", epoch: 3)) == .accepted)
      list.insert((start..<start + 2_000).map { Revocation(.token("n\($0)"), expiresAt: end) })
    }
    // A subject's epoch only ever rises.
    list.insert([Revocation(.subject("ada", epoch: 1), expiresAt: end)])
    #expect(verdict(principal("u", subject: "ada", epoch: 2)) == .revoked)
    list.insert([Revocation(.subject("ada", epoch: 9), expiresAt: end)])
    #expect(verdict(principal("u", subject: "ada", epoch: 8)) == .revoked)
    #expect(verdict(principal("n5999")) == .revoked)
  }

  @Test("what has expired is forgotten, what has not is kept")
  func sweep() {
    let soon = Date(timeIntervalSinceNow: 60)
    list.insert((0..<3_000).map { Revocation(.token("old\($0)"), expiresAt: soon) })
    list.insert([Revocation(.session("kept"), expiresAt: end)])
    #expect(list.verdict(on: principal("old7")) == .revoked)
    let later = Date(timeIntervalSinceNow: 120)
    // What has expired when it comes is not taken at all.
    list.insert([Revocation(.token("late"), expiresAt: soon)], now: later)
    #expect(list.verdict(on: principal("late")) == .accepted)
    list.insert((0..<3_000).map { Revocation(.token("new\($0)"), expiresAt: end) }, now: later)
    #expect(list.verdict(on: principal("old7")) == .accepted)
    #expect(list.verdict(on: principal("new2999")) == .revoked)
    #expect(list.verdict(on: principal("t", session: "kept")) == .revoked)
  }

  @Test("nothing is missed that was revoked before it was asked about, however many write and read at the same time")
  func nothingMissed() async {
    let (list, end, writers, each) = (list, end, 2, 3_000)
    // How far each writer is: all before it have been inserted.
    let progress = (0..<writers).map { _ in Progress() }
    let missed = Progress()
    let asked = Progress()
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          await thread {
            for number in 0..<each {
              let target: Revocation.Target =
                number.isMultiple(of: 3) ? .session("\(writer)-\(number)") : .token("\(writer)-\(number)")
              list.insert([Revocation(target, expiresAt: end)])
              if number.isMultiple(of: 16) { list.markComplete(asked: .now) }
              progress[writer].set(number + 1)
            }
          }
        }
      }
      for _ in 0..<3 {
        group.addTask {
          await thread {
            var reader = RevocationList.Reader(list)
            var isOver = false
            while !isOver {
              isOver = progress.allSatisfy { $0.value == each }
              for writer in 0..<writers {
                let count = progress[writer].value
                // The last, one in the middle, and the first: new, perhaps just put together with the others, and old.
                for number in [count - 1, count / 2, 0] where number >= 0 && number < count {
                  let name = "\(writer)-\(number)"
                  let isSession = number.isMultiple(of: 3)
                  let verdict = reader.verdict(
                    on: Principal(
                      subject: "s", tokenID: isSession ? "t" : name, sessionID: isSession ? name : nil,
                      issuedAt: end, expiresAt: end))
                  if verdict != .revoked { missed.add() }
                  asked.add()
                }
              }
            }
          }
        }
      }
    }
    #expect(missed.value == 0)
    #expect(asked.value > 0)
    for number in stride(from: 0, to: each, by: 7) {
      let verdict = list.verdict(on: principal("1-\(number)", session: "1-\(number)"))
      #expect(verdict == .revoked)
    }
  }

  /// A number that threads tell one another without a lock.
  private final class Progress: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .acquiring) }
    func set(_ new: Int) { count.store(new, ordering: .releasing) }
    func add() { count.add(1, ordering: .relaxed) }
  }

  @Test("a list that is said to be complete is never taken for one without what it was completed by")
  func complete() async {
    let rounds = 2_000
    for _ in 0..<4 {
      let list = RevocationList(maximumAge: .seconds(3_600))
      let wrong = Progress()
      let isAsking = Progress()
      let principal = principal("bad")
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await thread {
            var reader = RevocationList.Reader(list)
            for _ in 0..<rounds {
              isAsking.set(1)
              // Nothing was known, and then that it is revoked: in between there is no moment at which it is good.
              if reader.verdict(on: principal) == .accepted { wrong.add() }
            }
          }
        }
        group.addTask {
          await thread {
            while isAsking.value == 0 {}
            list.insert([Revocation(.token("bad"), expiresAt: Date(timeIntervalSinceNow: 60))])
            list.markComplete(asked: .now)
          }
        }
      }
      #expect(wrong.value == 0)
      #expect(list.verdict(on: principal) == .revoked)
    }
  }
}
