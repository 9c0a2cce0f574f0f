import Foundation
import GravityContracts
import Synchronization

/// What the last look at every instance found, and the documents made of it: by whoever looked, once, so that it is all
/// the same to the event loops how many ask.
final class HealthBoard: Sendable {
  /// What one look found.
  struct Finding: Sendable {
    var id: String
    var address: String
    var isUp: Bool
    var latencyMilliseconds: Double
  }

  private struct Record: Sendable {
    var finding: Finding
    var since: Date
  }

  private struct State: Sendable {
    var services: [String: [Record]] = [:]
    var rounds = 0
    /// What `services` come to.
    var level = Level.up
    var document = LocalReply(json: #"{"status":"up","services":{}}"#)
  }

  private let critical: Set<String>
  private let isDraining: @Sendable () -> Bool
  private let state = Mutex(State())

  init(critical: Set<String>, isDraining: @escaping @Sendable () -> Bool) {
    self.critical = critical
    self.isDraining = isDraining
  }

  /// Takes what a round found. There is one round at a time.
  func update(_ round: [String: [Finding]], at now: Date) {
    let before = state.withLock { $0.services }
    let services = round.reduce(into: [String: [Record]]()) { services, entry in
      services[entry.key] = entry.value.map { finding in
        let known = before[entry.key]?.first { $0.finding.id == finding.id }
        return Record(finding: finding, since: known?.finding.isUp == finding.isUp ? known!.since : now)
      }
    }
    let level = overall(services)
    let document = Self.document(services, level)
    state.withLock { state in
      (state.services, state.level, state.document) = (services, level, document)
      state.rounds += 1
    }
  }

  enum Level: String, Sendable { case up, degraded, down }

  private static func level(_ records: [Record]) -> Level {
    let up = records.count { $0.finding.isUp }
    return up == 0 ? .down : up < records.count ? .degraded : .up
  }

  private func overall(_ services: [String: [Record]]) -> Level {
    let levels = services.mapValues(Self.level)
    if levels.contains(where: { critical.contains($0.key) && $0.value == .down }) { return .down }
    return levels.values.allSatisfy { $0 == .up } ? .up : .degraded
  }

  /// `/health`: 200, or 503 when a critical service is down.
  var document: LocalReply { state.withLock { $0.document } }

  private static func document(_ services: [String: [Record]], _ overall: Level) -> LocalReply {
    let texts = services.sorted { $0.key < $1.key }.map { name, records in
      "\"\(JSONText.escaped(name))\":{\"status\":\"\(level(records).rawValue)\",\"instances\":["
        + records.map(text).joined(separator: ",") + "]}"
    }
    return LocalReply(
      status: overall == .down ? 503 : 200,
      json: "{\"status\":\"\(overall.rawValue)\",\"services\":{\(texts.joined(separator: ","))}}")
  }

  private static func text(_ record: Record) -> String {
    let finding = record.finding
    return "{\"id\":\"\(JSONText.escaped(finding.id))\",\"address\":\"\(JSONText.escaped(finding.address))\","
      + "\"status\":\"\(finding.isUp ? "up" : "down")\","
      + "\"latency_ms\":\((finding.latencyMilliseconds * 1000).rounded() / 1000),"
      + "\"since\":\"\(WireTime.string(record.since))\"}"
  }

  /// `/health/live`: this process answers.
  static let live = LocalReply(json: #"{"status":"up"}"#)
  private static let draining = LocalReply(status: 503, json: #"{"status":"draining"}"#)
  private static let starting = LocalReply(status: 503, json: #"{"status":"starting"}"#)
  private static let down = LocalReply(status: 503, json: #"{"status":"down"}"#)

  /// Whether every critical service has an instance that is up, and no draining has begun.
  var isReady: Bool { ready.status == 200 }

  /// `/health/ready`: 503 while draining, until the first round, and while a critical service is down.
  var ready: LocalReply {
    if isDraining() { return Self.draining }
    let (rounds, level) = state.withLock { ($0.rounds, $0.level) }
    if rounds == 0 { return Self.starting }
    return level == .down ? Self.down : Self.live
  }
}
