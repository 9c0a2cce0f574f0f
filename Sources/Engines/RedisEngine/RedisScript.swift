import Crypto

/// A Lua script, which the server runs as one: nobody sees it half done.
///
/// It is named by its digest; a server that does not know it yet is given its text.
package struct RedisScript: Sendable {
  let text: String
  let digest: String
  let operation: RedisOperation
  private let isIdempotent: Bool

  /// - Parameters:
  ///   - name: For metrics and errors.
  ///   - isIdempotent: Running it twice is as good as once.
  package init(_ name: String, on client: RedisClient, isIdempotent: Bool, _ text: String) {
    self.text = text
    self.isIdempotent = isIdempotent
    digest = Insecure.SHA1.hash(data: Array(text.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
    operation = client.metrics.operation("EVALSHA", script: name)
  }

  /// - Throws: as ``RedisClient/send(_:_:isIdempotent:)``.
  package func run(
    on client: RedisClient, keys: [String], _ arguments: [RESPArgument]
  ) async throws -> RedisReply {
    do {
      return try await client.send(operation, command(keys, arguments), isIdempotent: isIdempotent)
    } catch let error as RedisError where error.isUnknownScript {
      return try await client.send(operation, textual(keys, arguments), isIdempotent: isIdempotent)
    }
  }

  /// Runs it several times in one round trip, one behind the other.
  /// - Returns: What came of each run.
  package func run(
    on client: RedisClient, each runs: [(keys: [String], arguments: [RESPArgument])]
  ) async throws -> [Result<RedisReply, RedisError>] {
    var results = try await client.send(
      operation, all: runs.map { command($0.keys, $0.arguments) }, isIdempotent: isIdempotent)
    let unknown = results.indices.filter {
      if case .failure(let error) = results[$0] { error.isUnknownScript } else { false }
    }
    guard !unknown.isEmpty else { return results }
    // The first brings the text along; those behind it find it, where there is one node.
    let again = try await client.send(
      operation,
      all: unknown.enumerated().map { place, index in
        place == 0 || client.isCluster
          ? textual(runs[index].keys, runs[index].arguments) : command(runs[index].keys, runs[index].arguments)
      }, isIdempotent: isIdempotent)
    for (index, result) in zip(unknown, again) { results[index] = result }
    return results
  }

  private func command(_ keys: [String], _ arguments: [RESPArgument]) -> [RESPArgument] {
    ["EVALSHA", .text(digest), .integer(Int64(keys.count))] + keys.map { .text($0) } + arguments
  }

  private func textual(_ keys: [String], _ arguments: [RESPArgument]) -> [RESPArgument] {
    ["EVAL", .text(text), .integer(Int64(keys.count))] + keys.map { .text($0) } + arguments
  }
}

extension RedisError {
  var isUnknownScript: Bool { code == .refused("NOSCRIPT") }
}
