import Foundation
import GravityContracts
import GravityData
import GravityTasks
import ProductAPI

/// Does an import, a product a transaction: what is written, its result and how far the import is are one commit, so an
/// import that is interrupted goes on where it was, and does nothing twice.
struct ImportTask: Sendable {
  struct Payload: Codable, Sendable { var id: UUID }
  static let type = TaskType<Payload>("products.import", timeout: .seconds(3600), retention: .seconds(31 * 86_400))

  let core: ProductCore
  let reader: any ProductReader

  func run(_ id: UUID, _ context: TaskContext) async throws {
    let found = try await core.read { transaction in
      let store = ImportStore(transaction)
      return (try store.find(id), try store.content(id))
    }
    guard let row = found.0, let content = found.1 else { throw TaskFailure.permanent("the import is gone") }
    let file: ImportFile
    do { file = try await ImportFile(row.format, Data(content)) } catch { throw TaskFailure.permanent("\(error)") }
    for (position, item) in file.items.enumerated().dropFirst(row.position) {
      try context.progress(Double(position) / Double(file.items.count), "\(position) of \(file.items.count)")
      try await take(item, position, row, context)
    }
    _ = try await core.write { transaction, now in
      try ImportStore(transaction).finish(id, at: now)
      try context.complete(in: transaction)
      return Empty()
    }
  }

  private func take(
    _ item: ImportFile.Item, _ position: Int, _ row: ImportRow, _ context: TaskContext
  ) async throws {
    let failure: Problem
    do {
      let imported = try item.product.get()
      do {
        let saved = try await core.write { [core] transaction, now in
          try context.check(in: transaction)
          let (product, outcome) = try Self.save(imported, core, transaction, now)
          // What was tried is taken back with everything that hangs on it.
          if row.isDryRun { throw Tried(outcome: outcome, id: outcome == .created ? nil : product.id) }
          let result = ImportResult(
            line: item.line, outcome: outcome, externalID: product.externalID, productID: product.id)
          try ImportStore(transaction).record(result, position: position, of: row.id)
          return product
        }.value
        return await reader.changed(saved)
      } catch let tried as Tried {
        return try await record(
          ImportResult(
            line: item.line, outcome: tried.outcome, externalID: item.externalID, productID: tried.id),
          position, row, context)
      }
    } catch let problem as Problem {
      failure = problem
    }
    try await record(
      ImportResult(
        line: item.line, outcome: .failed, externalID: item.externalID, code: failure.code, message: failure.title,
        errors: failure.errors), position, row, context)
  }

  private func record(
    _ result: ImportResult, _ position: Int, _ row: ImportRow, _ context: TaskContext
  ) async throws {
    _ = try await core.write { transaction, _ in
      try context.check(in: transaction)
      try ImportStore(transaction).record(result, position: position, of: row.id)
      return Empty()
    }
  }

  private static func save(
    _ imported: ImportedProduct, _ core: ProductCore, _ transaction: any Transaction, _ now: Date
  ) throws -> (Product, ImportResult.Outcome) {
    let old = try existing(imported, transaction)
    guard old != nil || imported.title != .absent else {
      throw Problem.invalid("title", "required", "is needed for a new product")
    }
    let before = old ?? .unborn(core.newID(), at: now)
    let product = try core.save(ProductChange(ProductUpdate(imported, id: before.id)), to: before, transaction, now)
    if old == nil { return (product, .created) }
    return (product, product.version == before.version ? .unchanged : .updated)
  }

  /// - Returns: nil when it is to be made.
  private static func existing(_ imported: ImportedProduct, _ transaction: any Transaction) throws -> Product? {
    if let id = imported.id {
      guard let product = try ProductStore(transaction).find(id), product.deletedAt == nil else {
        throw Problem.invalid("id", "unknown", "is no product; leave it out to make one")
      }
      return product
    }
    guard let key = imported.externalID.text else {
      throw Problem.invalid("external_id", "required", "is what the product is known by")
    }
    return try ProductStore(transaction).id(ofExternal: key).flatMap { try ProductStore(transaction).find($0) }
  }

  /// Ends the transaction of a dry run.
  private struct Tried: Error {
    var outcome: ImportResult.Outcome
    var id: UUID?
  }
}

extension ProductUpdate {
  fileprivate init(_ imported: ImportedProduct, id: UUID) {
    self.init(
      id: id, title: imported.title, slug: imported.slug, description: imported.description,
      status: imported.status, externalID: imported.externalID, categoryID: imported.categoryID, tags: imported.tags,
      options: imported.options, variants: imported.variants)
  }
}
