/// What a server is like, and what about it does harm: for `doctor`.
public struct RedisServerReport: Sendable, Hashable {
  public var version: String
  /// `master` or `slave`.
  public var role: String
  /// Bytes; 0 has no bound.
  public var maximumMemory: Int64
  public var usedMemory: Int64
  /// `noeviction`, `allkeys-lru` and the like.
  public var evictionPolicy: String
  /// What to change, in plain words; empty when nothing.
  public var findings: [String]

  init(info: String) {
    var values: [String: String] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
    }
    version = values["redis_version"] ?? "unknown"
    role = values["role"] ?? "unknown"
    maximumMemory = values["maxmemory"].flatMap { Int64($0) } ?? 0
    usedMemory = values["used_memory"].flatMap { Int64($0) } ?? 0
    evictionPolicy = values["maxmemory_policy"] ?? "unknown"
    findings = []
    if let finding = evictionFinding { findings.append(finding) }
    if role == "slave" { findings.append("the server is a replica, and refuses to be written to: name the primary") }
    if maximumMemory == 0 {
      findings.append("maxmemory is not set, so the server may take all memory of its machine: CONFIG SET maxmemory")
    } else if usedMemory > maximumMemory / 10 * 9 {
      findings.append("over nine tenths of maxmemory are used: what is written next may be refused")
    }
  }

  private var evictionFinding: String? {
    switch evictionPolicy {
    case "noeviction": nil
    case "unknown": "the server does not say its maxmemory-policy"
    case let policy where policy.hasPrefix("volatile-"):
      "maxmemory-policy is \(policy): buckets of limits may be evicted, and more is admitted then; the blacklist is not. "
        + "CONFIG SET maxmemory-policy noeviction"
    case let policy:
      "maxmemory-policy is \(policy): the blacklist may be evicted, which refuses requests until it is seeded again, "
        + "and buckets of limits. CONFIG SET maxmemory-policy noeviction"
    }
  }
}

extension RedisClient {
  /// Asks the server about itself.
  /// - Throws: ``RedisError``.
  public func inspect() async throws -> RedisServerReport {
    let operation = operation("INFO")
    let sections = ["server", "memory", "replication"].map { ["INFO", RESPArgument.text($0)] }
    let replies = try await send(operation, all: sections, isIdempotent: true)
    return RedisServerReport(info: try replies.map { try $0.get().value.text ?? "" }.joined(separator: "\n"))
  }
}
