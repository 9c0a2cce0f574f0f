import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import GravityPersonalData
import Synchronization
import UserAPI
import UserServer

final class TestClock: Sendable {
  private let time = Mutex(Date(microsecondsSince1970: Date().microsecondsSince1970))
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// Ids of which each is greater than the one before, also within a millisecond.
enum OrderedIDs {
  private static let last = Mutex<Int64>(0)

  static func next() -> UUID {
    let milliseconds = last.withLock { last in
      last = max(last + 1, Int64(Date().timeIntervalSince1970 * 1000))
      return last
    }
    var random = SystemRandomNumberGenerator()
    return UUID.v7(at: Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 0.0001), using: &random)
  }
}

/// Auth as this service sees it, with a switch to turn it off.
final class FakeDirectory: AccountDirectory {
  struct Away: Error {}
  private struct State {
    var accounts: [UUID: DirectoryAccount] = [:]
    var isAway = false
    var asked = 0
    var interruption: (@Sendable () async throws -> Void)?
  }
  private let state = Mutex(State())

  var asked: Int { state.withLock { $0.asked } }
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
  /// What happens after the answer was made and before it arrives, once.
  func beforeNextAnswer(_ body: @escaping @Sendable () async throws -> Void) {
    state.withLock { $0.interruption = body }
  }

  @discardableResult
  func add(_ email: String?, name: String = "Somebody") -> UUID {
    let id = OrderedIDs.next()
    state.withLock {
      $0.accounts[id] = DirectoryAccount(
        id: id, email: email, isEmailVerified: true, name: name, status: .active, version: 1)
    }
    return id
  }

  /// Changes an account as auth would, which counts its version up.
  func change(_ id: UUID, _ body: @Sendable (inout DirectoryAccount) -> Void) {
    state.withLock { state in
      guard var account = state.accounts[id] else { return }
      body(&account)
      account.version += 1
      state.accounts[id] = account
    }
  }

  /// Says something old again.
  func rewind(_ id: UUID, to account: DirectoryAccount) { state.withLock { $0.accounts[id] = account } }
  func current(_ id: UUID) -> DirectoryAccount? { state.withLock { $0.accounts[id] } }

  func proofMethods(of id: UUID) async throws -> [ProofMethod] {
    if state.withLock({ $0.isAway }) { throw Away() }
    return [.totp, .recoveryCode]
  }

  func account(_ id: UUID) async throws -> DirectoryAccount? {
    let (answer, interruption) = try state.withLock { state in
      state.asked += 1
      if state.isAway { throw Away() }
      defer { state.interruption = nil }
      return (state.accounts[id], state.interruption)
    }
    try await interruption?()
    return answer
  }
}

/// The services that hold personal data, as far as this one asks them.
final class FakeServices: PersonalDataServices {
  struct Away: Error {}
  private let away = Mutex<Set<String>>([])
  private let kept = Mutex<[String: [PersonalDataItem]]>([:])
  private let waiting = Mutex<[String: Int64]>(["open": 2])
  private let questions = Mutex<[String]>([])

  /// Of whom something was asked, page by page.
  var asked: [String] { questions.withLock { $0 } }

  func setAway(_ service: String, _ isAway: Bool) {
    away.withLock { if isAway { $0.insert(service) } else { $0.remove(service) } }
  }
  /// What an erasure would have to wait for.
  func wait(for waits: [String: Int64]) { waiting.withLock { $0 = waits } }
  func keep(_ items: [PersonalDataItem], at service: String) { kept.withLock { $0[service] = items } }

  func inventory(of user: UUID, at service: String) async throws -> PersonalDataInventory {
    if away.withLock({ $0.contains(service) }) { throw Away() }
    return PersonalDataInventory(
      service: service, PersonalDataCounts(erased: ["things": 3], kept: ["ids": 1], waiting: waiting.withLock { $0 }))
  }

  /// Two at a time.
  func items(_ query: PersonalDataQuery, at service: String) async throws -> PersonalDataPage {
    if away.withLock({ $0.contains(service) }) { throw Away() }
    questions.withLock { $0.append(service) }
    let all = kept.withLock { $0[service] ?? [] }
    let start = query.cursor.flatMap { Int($0.parts[0]) } ?? 0
    let end = min(start + 2, all.count)
    return PersonalDataPage(
      items: Array(all[start..<end]), nextCursor: end < all.count ? Cursor(["\(end)"]) : nil)
  }
}

/// Keeps what it is to send, and fails as long as it is to.
final class FakeNotifier: UserNotifier {
  struct Away: Error {}
  private let state = Mutex((sent: [UserMessage](), isAway: false))

  var sent: [UserMessage] { state.withLock { $0.sent } }
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

  func send(_ message: UserMessage) async throws {
    try state.withLock { state in
      if state.isAway { throw Away() }
      state.sent.append(message)
    }
  }
}

/// Takes `user <id> <permission> …` for a token; `at=<seconds since 1970>`, `aal2` and `client` are no permissions but
/// say when and how its bearer signed in, and that it was issued to a client.
struct FakeVerifier: TokenVerifier {
  static func token(_ id: UUID, _ permissions: [Permission] = []) -> String {
    (["user", id.lowercased] + permissions.map(\.rawValue)).joined(separator: "~")
  }
  static func token(subject: String) -> String { "user~\(subject)" }
  static let serviceToken = "service~notification"

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let parts = token.split(separator: "~").map(String.init)
    guard parts.count >= 2, ["user", "service"].contains(parts[0]) else {
      throw TokenRefusal(.invalid, "no such token")
    }
    let at = parts.first { $0.hasPrefix("at=") }.flatMap { TimeInterval($0.dropFirst(3)) }
    return Principal(
      subject: parts[1], tokenID: token, sessionID: "session",
      permissions: parts.dropFirst(2).map(Permission.init(rawValue:)), issuedAt: .distantPast,
      expiresAt: .distantFuture, isService: parts[0] == "service", clientID: parts.contains("client") ? "app" : nil,
      authenticatedAt: at.map { Date(timeIntervalSince1970: $0) }, assurance: parts.contains("aal2") ? "aal2" : "aal1")
  }
}

/// A cache that nothing but the service's own word empties.
final class StickyReader: ProfileReader {
  private let database: DatabaseProfiles
  private let kept = Mutex<[UUID: Profile]>([:])
  init(_ database: DatabaseProfiles) { self.database = database }

  func profile(_ id: UUID) async throws -> Profile? {
    if let profile = kept.withLock({ $0[id] }) { return profile }
    guard let profile = try await database.profile(id) else { return nil }
    kept.withLock { $0[id] = profile }
    return profile
  }

  func changed(_ profile: Profile) async { kept.withLock { $0[profile.id] = nil } }
}
