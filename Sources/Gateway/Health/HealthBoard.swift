import Foundation
import GravityContracts
import Synchronization

/// What the last look at every instance found, and the documents made of it.
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
  }

  private let critical: Set<String>
  private let isDraining: @Sendable () -> Bool
  private let state = Mutex(State())

  init(critical: Set<String>, isDraining: @escaping @Sendable () -> Bool) {
    self.critical = critical
    self.isDraining = isDraining
  }

  /// Takes what a round found.
  func update(_ round: [String: [Finding]], at now: Date) {
    state.withLock { state in
      let before = state.services
      state.services = round.reduce(into: [:]) { services, entry in
        services[entry.key] = entry.value.map { finding in
          let known = before[entry.key]?.first { $0.finding.id == finding.id }
          return Record(finding: finding, since: known?.finding.isUp == finding.isUp ? known!.since : now)
        }
      }
      state.rounds += 1
    }
  }

  enum Level: String { case up, degraded, down }

  private static func level(_ records: [Record]) -> Level {
    let up = records.count { $0.finding.isUp }
    return up == 0 ? .down : up < records.count ? .degraded : .up
  }

  private func overall(_ state: State) -> Level {
    let levels = state.services.mapValues(Self.level)
    if levels.contains(where: { critical.contains($0.key) && $0.value == .down }) { return .down }
    return levels.values.allSatisfy { $0 == .up } ? .up : .degraded
  }

  /// `/health`: 200, or 503 when a critical service is down.
  func document() -> (status: Int, contentType: String, body: [UInt8]) {
    state.withLock { state in
      let level = overall(state)
      let services = state.services.sorted { $0.key < $1.key }.map { name, records in
        "\"\(JSONText.escaped(name))\":{\"status\":\"\(Self.level(records).rawValue)\",\"instances\":["
          + records.map(Self.text).joined(separator: ",") + "]}"
      }
      let text = "{\"status\":\"\(level.rawValue)\",\"services\":{\(services.joined(separator: ","))}}"
      return (level == .down ? 503 : 200, "application/json", Array(text.utf8))
    }
  }

  private static func text(_ record: Record) -> String {
    let finding = record.finding
    return "{\"id\":\"\(JSONText.escaped(finding.id))\",\"address\":\"\(JSONText.escaped(finding.address))\","
      + "\"status\":\"\(finding.isUp ? "up" : "down")\","
      + "\"latency_ms\":\((finding.latencyMilliseconds * 1000).rounded() / 1000),"
      + "\"since\":\"\(WireTime.string(record.since))\"}"
  }

  /// `/health/live`: this process answers.
  func live() -> (status: Int, contentType: String, body: [UInt8]) {
    (200, "application/json", Array(#"{"status":"up"}"#.utf8))
  }

  /// Whether every critical service has an instance that is up, and no draining has begun.
  var isReady: Bool { ready().status == 200 }

  /// `/health/ready`: 503 while draining, until the first round, and while a critical service is down.
  func ready() -> (status: Int, contentType: String, body: [UInt8]) {
    let reason: String? = state.withLock { state in
      if isDraining() { return "draining" }
      if state.rounds == 0 { return "starting" }
      return overall(state) == .down ? "down" : nil
    }
    return (reason == nil ? 200 : 503, "application/json", Array("{\"status\":\"\(reason ?? "up")\"}".utf8))
  }
}
