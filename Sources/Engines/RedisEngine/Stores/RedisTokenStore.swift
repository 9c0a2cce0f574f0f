public import Foundation
public import GravityIdentity

/// Redis as the place where every instance can ask for tokens, sessions' last use and the blacklist.
///
/// The blacklist counts as whole only on the very run of the server that was seeded. A server that restarted, with or
/// without its data, a replica that took over, a flush and an eviction all make it unseeded: ``isSeeded()`` is false and
/// ``verdict(tokenID:sessionID:subject:epoch:)`` is `.unknown` until auth has seeded it again.
public final class RedisTokenStore: TokenStore {
  /// Sessions that one command asks for, and entries that one script adds.
  static let chunk = 100
  /// Pages that a listing reads at most, of about a thousand entries each.
  static let greatestPageCount = 10_000

  private struct Operations: Sendable {
    let set, get, getMany, ask, list, time: RedisOperation

    init(on client: RedisClient) {
      (set, get, getMany) = (client.operation("SET"), client.operation("GET"), client.operation("MGET"))
      (ask, list, time) = (client.operation("HMGET"), client.operation("HSCAN"), client.operation("TIME"))
    }
  }

  private let client: RedisClient
  private let operations: Operations
  private let scripts: TokenScripts
  private let names: RedisNames
  /// In one slot of a cluster, as a script's keys have to be.
  private let blacklist: String
  private let ends: String
  private let newID: @Sendable () -> UUID

  /// - Parameters:
  ///   - client: Which has to run, as a user who may `INFO`.
  ///   - prefix: As ``RedisCacheStore/init(_:prefix:)`` has it.
  ///   - newID: For the mark of a seeding that is under way.
  /// - Throws: ``RedisError`` with `invalid`.
  public init(
    _ client: RedisClient, prefix: String = "gravity", newID: @escaping @Sendable () -> UUID = { UUID() }
  ) throws(RedisError) {
    self.client = client
    self.newID = newID
    names = try RedisNames(prefix: prefix)
    operations = Operations(on: client)
    scripts = TokenScripts(on: client)
    blacklist = names("{revoked}:list")
    ends = names("{revoked}:ends")
  }

  // MARK: Issued tokens and sessions

  public func record(_ token: IssuedToken) async throws {
    let json = try JSONEncoder().encode(token)
    _ = try await client.send(
      operations.set,
      ["SET", .text(names("token:\(token.id)")), .bytes(Array(json)), "PXAT", .integer(token.expiresAt.milliseconds)],
      isIdempotent: true)
  }

  public func token(_ id: String) async throws -> IssuedToken? {
    let reply = try await client.send(operations.get, ["GET", .text(names("token:\(id)"))], isIdempotent: true)
    guard let bytes = reply.value.bytes else { return nil }
    return try JSONDecoder().decode(IssuedToken.self, from: Data(bytes))
  }

  private func sessionKey(_ id: String) -> String { names("{session}:\(id)") }

  public func touch(session id: String, at time: Date, expiresAt: Date) async throws {
    _ = try await scripts.touch.run(
      on: client, keys: [sessionKey(id)], [.integer(time.microseconds), .integer(expiresAt.milliseconds)])
  }

  public func lastSeen(sessions ids: [String]) async throws -> [String: Date] {
    guard !ids.isEmpty else { return [:] }
    let chunks = stride(from: 0, to: ids.count, by: Self.chunk).map { Array(ids[$0..<min($0 + Self.chunk, ids.count)]) }
    var found: [String: Date] = [:]
    // A thousand sessions in one round trip; more take their turns.
    for group in stride(from: 0, to: chunks.count, by: 10).map({ chunks[$0..<min($0 + 10, chunks.count)] }) {
      let commands = group.map { ids in ["MGET"] + ids.map { RESPArgument.text(sessionKey($0)) } }
      let replies = try await client.send(operations.getMany, all: commands, isIdempotent: true)
      for (ids, reply) in zip(group, replies) {
        for (id, value) in zip(ids, try reply.get().value.elements ?? []) {
          found[id] = value.integer.map { Date(microseconds: $0) }
        }
      }
    }
    return found
  }

  // MARK: The blacklist

  public func revoke(_ revocations: [Revocation]) async throws {
    for part in revocations.chunks(of: Self.chunk) {
      _ = try await scripts.revoke.run(on: client, keys: [blacklist, ends], Self.arguments(part))
    }
  }

  public func revocations() async throws -> [Revocation] {
    let time = try await client.send(operations.time, ["TIME"], isIdempotent: true).value.elements ?? []
    guard time.count == 2, let seconds = time[0].integer, let microseconds = time[1].integer else {
      throw unexpected(operations.time)
    }
    let now = seconds * 1_000 + microseconds / 1_000
    var (cursor, found) = ("0", [Revocation.Target: Date]())
    for _ in 0..<Self.greatestPageCount {
      let page = try await client.send(
        operations.list, ["HSCAN", .text(blacklist), .text(cursor), "COUNT", "1000"], isIdempotent: true
      ).value.elements
      guard let page, page.count == 2, let next = page[0].text, let pairs = page[1].elements else {
        throw unexpected(operations.list)
      }
      for index in stride(from: 0, to: pairs.count - 1, by: 2) {
        // Seen twice is one.
        guard let field = pairs[index].text, let entry = BlacklistEntry(field: field, value: pairs[index + 1].text),
          entry.milliseconds > now
        else { continue }
        found[entry.target] = Date(milliseconds: entry.milliseconds)
      }
      if next == "0" { return found.map { Revocation($0.key, expiresAt: $0.value) } }
      cursor = next
    }
    throw RedisError(.unexpected, "the blacklist has no end", command: operations.list.name)
  }

  public func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64
  ) async throws -> RevocationList.Verdict {
    // Without a session the mark is asked for twice, which no session is called.
    let reply = try await client.send(
      operations.ask,
      [
        "HMGET", .text(blacklist), "!", .text("t:\(tokenID)"), .text(sessionID.map { "s:\($0)" } ?? "!"),
        .text("u:\(subject)"),
      ], isIdempotent: true)
    guard let found = reply.value.elements, found.count == 4 else { throw unexpected(operations.ask) }
    // What is on the list is revoked, however much is missing from it.
    if !found[1].isNull { return .revoked }
    if sessionID != nil, !found[2].isNull { return .revoked }
    if let known = BlacklistEntry(field: "u:", value: found[3].text), case .subject(_, let least) = known.target,
      epoch < least
    {
      return .revoked
    }
    return try isWhole(found[0].text, reply) ? .accepted : .unknown
  }

  public func isSeeded() async throws -> Bool {
    let reply = try await client.send(operations.ask, ["HMGET", .text(blacklist), "!"], isIdempotent: true)
    guard let found = reply.value.elements, found.count == 1 else { throw unexpected(operations.ask) }
    return try isWhole(found[0].text, reply)
  }

  /// Whether the mark is of the run that has answered.
  private func isWhole(_ mark: String?, _ reply: RedisReply) throws -> Bool {
    guard let runID = reply.runID else {
      throw RedisError(
        .refused("NOPERM"), "this user may not INFO, so it cannot be told whether the server was replaced: +info",
        command: "INFO")
    }
    return mark == runID
  }

  /// As in the protocol. Parts that come to different runs of the server, or after a flush, make no whole.
  public func seed(_ revocations: [Revocation]) async throws {
    let keys = [blacklist, ends, names("{revoked}:seeding:\(newID().uuidString)")]
    var runID: String?
    for (index, part) in (revocations.isEmpty ? [[]] : revocations.chunks(of: Self.chunk)).enumerated() {
      let reply = try await scripts.seed.run(
        on: client, keys: keys, [index == 0 ? "1" : "0"] + Self.arguments(Array(part)))
      if index == 0 { runID = reply.runID }
    }
    _ = try isWhole(nil, RedisReply(value: .null, runID: runID))
    _ = try await scripts.whole.run(on: client, keys: keys, [.text(runID ?? "")])
  }

  private static func arguments(_ revocations: [Revocation]) -> [RESPArgument] {
    revocations.flatMap { revocation -> [RESPArgument] in
      let end = RESPArgument.integer(revocation.expiresAt.milliseconds)
      return switch revocation.target {
      case .token(let id): [.text("t:\(id)"), "", end]
      case .session(let id): [.text("s:\(id)"), "", end]
      case .subject(let id, let epoch): [.text("u:\(id)"), .text(epoch.sortableDigits), end]
      }
    }
  }

  private func unexpected(_ operation: RedisOperation) -> RedisError {
    RedisError(.unexpected, "not of the form that it has", command: operation.name)
  }
}

/// A field of the blacklist, as ``TokenScripts`` writes it.
struct BlacklistEntry: Equatable {
  var target: Revocation.Target
  var milliseconds: Int64

  /// - Returns: nil for the mark, and for what is no entry.
  init?(field: String, value: String?) {
    guard let value else { return nil }
    let id = String(field.dropFirst(2))
    let parts = value.split(separator: " ")
    switch field.prefix(2) {
    case "t:": target = .token(id)
    case "s:": target = .session(id)
    case "u:":
      guard parts.count == 2, let epoch = Int64(sortableDigits: String(parts[0])) else { return nil }
      target = .subject(id, epoch: epoch)
    default: return nil
    }
    guard let end = parts.last.flatMap({ Int64($0) }) else { return nil }
    milliseconds = end
  }
}

extension Array {
  fileprivate func chunks(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}

extension Date {
  fileprivate var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1e3).rounded(.up).bounded) }
  fileprivate var microseconds: Int64 { Int64((timeIntervalSince1970 * 1e6).rounded().bounded) }

  fileprivate init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1e3) }
  fileprivate init(microseconds: Int64) { self.init(timeIntervalSince1970: Double(microseconds) / 1e6) }
}

extension Double {
  /// What Redis and Lua can count with exactly; a time before 1970 is past in any case.
  fileprivate var bounded: Double { Swift.min(Swift.max(self, 1), 9e15) }
}
