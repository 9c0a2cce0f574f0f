import Foundation
import GravityContracts
import GravityData
import Logging
import UserAPI

/// What ends by itself: archives whose time is over, and exports that a service has kept waiting for too long.
struct ExportExpiry: Sendable {
  let core: UserCore
  private static let batch = 50

  /// Seconds for which an export that ended is shown.
  static let memory: TimeInterval = 30 * 86_400

  func sweep() async throws {
    while try await closeSome() >= Self.batch { try Task.checkCancellation() }
  }

  private func closeSome() async throws -> Int {
    try await core.write { [core] transaction, now in
      let store = ExportStore(transaction)
      let expired = try store.expired(at: now, limit: Self.batch)
      for row in expired { try Self.close(row, .expired, nil, transaction) }
      let late = try store.open(requestedBefore: now - core.configuration.exportDeadline, limit: Self.batch)
      for row in late {
        try Self.close(row, .failed, "not_in_time", transaction)
        let missing = row.services.filter { name in !row.parts.contains { $0.service == name } }
        core.logger.error(
          "an export was not collected in time",
          metadata: [
            "export.id": "\(row.id.lowercased)", "export.missing": "\(missing.joined(separator: ","))",
          ])
      }
      let old = try store.deleteOld(requestedBefore: now - Self.memory, limit: Self.batch)
      return max(expired.count, late.count, old)
    }
  }

  /// The archive goes; that there was an export stays for a while.
  static func close(
    _ old: ExportRow, _ state: UserExport.State, _ failure: String?, _ transaction: any Transaction
  ) throws {
    var row = old
    (row.state, row.failure, row.linkHash) = (state, failure, nil)
    let store = ExportStore(transaction)
    try store.update(row)
    try store.deleteChunks(of: row.id)
  }
}
