import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import GravityTasks
import Logging
import UserAPI

struct ExportRequest: Codable, Sendable {
  var exportID: UUID
  enum CodingKeys: String, CodingKey { case exportID = "export_id" }
}

/// Makes an archive of what the services know of a person: one file for each, page by page, so that no more than a page
/// and a chunk are in memory. Chunks are sealed and kept in user_db, where every instance finds them.
///
/// Each file that is done is taken down with its last chunk: an attempt that dies, or finds a service away, is gone on
/// with there by the next one, on whichever instance.
struct ExportCollector: Sendable {
  /// Tried again for as long as the export is open, which the sweep ends; the attempts only have to reach that far.
  static let task = TaskType<ExportRequest>(
    "users.collect_export", maximumAttempts: 1_000, timeout: .seconds(3600), priority: .low,
    backoff: TaskBackoff(first: .seconds(5), longest: .seconds(900)))

  let core: UserCore
  let services: any PersonalDataServices
  let own: UserPersonalData
  let envelope: Envelope
  let mails: UserMails

  /// Makes sure, in a transaction, that it is this attempt's to write.
  typealias Fence = @Sendable (any Transaction) throws -> Void

  /// The export is no longer open: it was erased, or took too long.
  private struct Closed: Error {}
  private struct TooLarge: Error {}

  func handle(on worker: TaskWorker) {
    worker.handle(Self.task, concurrency: 2) { request, context in
      try await collect(request.exportID) { try context.check(in: $0) }
    }
  }

  /// Goes on with an export to its end. Of one that is closed there is nothing to do.
  /// - Throws: what a service or the database threw; then it is to be tried again.
  func collect(_ id: UUID, fence: @escaping Fence) async throws {
    do {
      var row = try await begin(id, fence)
      for service in row.services where !row.parts.contains(where: { $0.service == service }) {
        row = try await add(service, to: row, fence)
      }
      try await finish(row, fence)
    } catch is Closed {
      core.logger.info("an export is closed", metadata: ["export.id": "\(id.lowercased)"])
    } catch is TooLarge {
      try await core.write { [core] transaction, _ in
        try fence(transaction)
        guard let row = try ExportStore(transaction).find(id), row.isOpen else { return }
        try ExportExpiry.close(row, .failed, "too_large", transaction)
        core.logger.error("an export is too large", metadata: ["export.id": "\(id.lowercased)"])
      }
    }
  }

  private func begin(_ id: UUID, _ fence: @escaping Fence) async throws -> ExportRow {
    try await core.write { transaction, _ in
      try fence(transaction)
      let store = ExportStore(transaction)
      guard var row = try store.find(id), row.isOpen else { throw Closed() }
      // What an earlier attempt wrote of a file that it did not end.
      try store.deleteChunks(of: id, from: row.chunks)
      row.state = .collecting
      try store.update(row)
      return row
    }
  }

  /// One service's file: `order.json`, whose items stand on lines of their own.
  private func add(_ service: String, to row: ExportRow, _ fence: @escaping Fence) async throws -> ExportRow {
    var (archive, row) = (ZIPArchive(entries: row.parts.map(\.entry), offset: row.size), row)
    var kinds: [String: Int64] = [:]
    var (cursor, isFirst, pages) = (Cursor?.none, true, 0)
    let encoder = WireFormat.makeEncoder()
    try archive.begin("\(service).json", at: core.clock.now())
    try archive.write("{\"service\":\"\(service)\",\"items\":[")
    repeat {
      let page = try await page(of: row.user, at: service, after: cursor)
      for item in page.items {
        kinds[item.kind, default: 0] += 1
        try archive.write(isFirst ? "\n" : ",\n")
        try archive.write(Array(try encoder.encode(item)))
        isFirst = false
      }
      pages += 1
      guard archive.openSize <= core.configuration.exportGreatestFile, pages <= Self.greatestPages,
        archive.offset <= core.configuration.exportGreatestSize
      else { throw TooLarge() }
      row.chunks = try await flush(&archive, of: row, whole: false, fence)
      cursor = page.nextCursor
    } while cursor != nil
    try archive.write("\n]}\n")
    try archive.end()
    let done = try await conclude(&archive, row, service: service, kinds, fence)
    faultPoint("export.part:\(service)")
    return done
  }

  /// More than these are more than a file may have.
  private static let greatestPages = 100_000
  private static let pageLimit = 100
  /// Bytes of a chunk before it is sealed.
  static let chunkSize = 256 << 10

  private func page(of user: UUID, at service: String, after cursor: Cursor?) async throws -> PersonalDataPage {
    guard service == UserAPI.service else {
      return try await services.items(
        PersonalDataQuery(userID: user, limit: Self.pageLimit, cursor: cursor), at: service)
    }
    return try await core.read { [own] transaction, _ in
      try own.items(of: user, after: cursor, limit: Self.pageLimit, in: transaction)
    }
  }

  /// Writes full chunks, or all that there is.
  /// - Returns: the number of the next chunk.
  private func flush(
    _ archive: inout ZIPArchive, of row: ExportRow, whole: Bool, _ fence: @escaping Fence
  ) async throws -> Int64 {
    var number = row.chunks
    while archive.output.count >= (whole ? 1 : Self.chunkSize) {
      let (id, next) = (row.id, number)
      let sealed = try seal(archive.take(atMost: Self.chunkSize), next, of: id)
      try await core.write { transaction, _ in
        try fence(transaction)
        let store = ExportStore(transaction)
        guard try store.find(id)?.isOpen == true else { throw Closed() }
        try store.insertChunk(sealed, next, of: id)
      }
      number += 1
    }
    return number
  }

  /// Takes down that a file is done, when all of it is kept.
  private func conclude(
    _ archive: inout ZIPArchive, _ old: ExportRow, service: String?, _ kinds: [String: Int64], _ fence: @escaping Fence
  ) async throws -> ExportRow {
    var row = old
    row.chunks = try await flush(&archive, of: row, whole: true, fence)
    guard let entry = archive.entries.last else { throw Closed() }
    row.parts.append(ExportedPart(service: service, kinds: kinds, entry: entry))
    row.size = archive.offset
    let written = row
    try await core.write { transaction, _ in
      try fence(transaction)
      guard try ExportStore(transaction).find(written.id)?.isOpen == true else { throw Closed() }
      try ExportStore(transaction).update(written)
    }
    return written
  }

  /// The page that lists the files, the directory, and the mail.
  private func finish(_ collected: ExportRow, _ fence: @escaping Fence) async throws {
    var row = collected
    let (user, requestedAt, parts) = (row.user, row.requestedAt, row.parts)
    if !parts.contains(where: { $0.service == nil }) {
      let index = try await core.read { [core] transaction, _ in
        ExportIndex(
          profile: try UserStore(transaction).find(user)?.profile(core.configuration), requestedAt: requestedAt,
          parts: parts)
      }
      var archive = ZIPArchive(entries: parts.map(\.entry), offset: row.size)
      try archive.begin("index.html", at: core.clock.now())
      try archive.write(index.html)
      try archive.end()
      row = try await conclude(&archive, row, service: nil, [:], fence)
    }
    var archive = ZIPArchive(entries: row.parts.map(\.entry), offset: row.size)
    archive.finish()
    row.chunks = try await flush(&archive, of: row, whole: true, fence)
    row.size = archive.offset
    let written = row
    try await core.write { [core, mails] transaction, now in
      try fence(transaction)
      let store = ExportStore(transaction)
      guard try store.find(written.id)?.isOpen == true else { throw Closed() }
      // One archive is enough.
      for earlier in try store.ready(of: user, besides: written.id) {
        try ExportExpiry.close(earlier, .expired, nil, transaction)
      }
      var ready = written
      (ready.state, ready.readyAt) = (.ready, now)
      ready.expiresAt = now + core.configuration.exportLifetime
      if ready.hasLink { ready.linkHash = mails.secrets.hash(.exportLink, ready.id, 1) }
      try store.update(ready)
      try core.events.record(.exportReady(export: ready.id, user: user), in: transaction)
      try mails.request(
        UserMailRequest(id: core.newID(), kind: .exportReady, about: ready.id, generation: 1), in: transaction)
    }
    core.logger.notice(
      "an export is ready",
      metadata: ["export.id": "\(row.id.lowercased)", "user.id": "\(user.lowercased)", "export.bytes": "\(row.size)"])
  }

  // MARK: Sealing

  private func seal(_ bytes: [UInt8], _ number: Int64, of id: UUID) throws -> [UInt8] {
    try envelope.seal(bytes, context: Self.context(number, of: id))
  }

  static func context(_ number: Int64, of id: UUID) -> String { "exports/\(id.lowercased)/\(number)" }
}
