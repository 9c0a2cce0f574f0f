public import Foundation
public import GravityContracts

/// How the body of an import is to be taken; it is NDJSON (``ImportedProduct`` a line) or CSV, as its type says.
public struct ImportOptions: Codable, Sendable {
  /// true tells what would become of each product, and changes nothing.
  public var dryRun: Bool?

  public init(dryRun: Bool? = nil) { self.dryRun = dryRun }
  enum CodingKeys: String, CodingKey { case dryRun = "dry_run" }
}

/// A product of an import. One whose `id` or `external_id` is known is changed: what is left out stays, null takes
/// away, `variants` replaces all of them. Others are made and need a title. Bounds are those of ``NewProduct``.
public struct ImportedProduct: Codable, Sendable {
  /// Of a product that there is.
  public var id: UUID?
  public var externalID: Patch<String>
  public var title: Patch<String>
  public var slug: Patch<String>
  public var description: Patch<String>
  public var status: Patch<Product.Status>
  public var categoryID: Patch<UUID>
  public var tags: Patch<[String]>
  public var options: Patch<[ProductOption]>
  public var variants: Patch<[NewVariant]>

  public init(
    id: UUID? = nil, externalID: Patch<String> = .absent, title: Patch<String> = .absent,
    slug: Patch<String> = .absent, description: Patch<String> = .absent, status: Patch<Product.Status> = .absent,
    categoryID: Patch<UUID> = .absent, tags: Patch<[String]> = .absent, options: Patch<[ProductOption]> = .absent,
    variants: Patch<[NewVariant]> = .absent
  ) {
    self.id = id
    self.externalID = externalID
    self.title = title
    self.slug = slug
    self.description = description
    self.status = status
    self.categoryID = categoryID
    self.tags = tags
    self.options = options
    self.variants = variants
  }

  enum CodingKeys: String, CodingKey {
    case id, title, slug, description, status, tags, options, variants
    case externalID = "external_id"
    case categoryID = "category_id"
  }
}

/// An import, and how far it is. It is deleted 30 days after its end.
public struct ProductImport: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable, CaseIterable {
    case waiting, running, done, canceled
    /// It could not be gone on with; `error` says why. What it has done stays.
    case failed
  }
  public enum Format: String, Codable, Sendable, CaseIterable { case ndjson, csv }

  public var id: UUID
  public var state: Open<State>
  public var format: Open<Format>
  public var dryRun: Bool
  /// Products, which in CSV may take several lines.
  public var total: Int
  public var created: Int
  public var updated: Int
  public var unchanged: Int
  public var failed: Int
  public var error: String?
  public var createdAt: Date
  public var finishedAt: Date?

  public init(
    id: UUID, state: State, format: Format, dryRun: Bool, total: Int, created: Int = 0, updated: Int = 0,
    unchanged: Int = 0, failed: Int = 0, error: String? = nil, createdAt: Date, finishedAt: Date? = nil
  ) {
    self.id = id
    self.state = .known(state)
    self.format = .known(format)
    self.dryRun = dryRun
    self.total = total
    self.created = created
    self.updated = updated
    self.unchanged = unchanged
    self.failed = failed
    self.error = error
    self.createdAt = createdAt
    self.finishedAt = finishedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, state, format, total, created, updated, unchanged, failed, error
    case dryRun = "dry_run"
    case createdAt = "created_at"
    case finishedAt = "finished_at"
  }
}

/// What became of one product of an import.
public struct ImportResult: Codable, Sendable, Hashable {
  public enum Outcome: String, Codable, Sendable, CaseIterable { case created, updated, unchanged, failed }

  /// Where it begins in the file; the first line is 1.
  public var line: Int
  public var outcome: Open<Outcome>
  public var externalID: String?
  /// nil where nothing was made: it failed, or was made in a dry run.
  public var productID: UUID?
  /// Why it failed: ``Problem/code``.
  public var code: ProblemCode?
  public var message: String?
  /// The fields that are not valid.
  public var errors: [Problem.FieldError]?

  public init(
    line: Int, outcome: Outcome, externalID: String?, productID: UUID? = nil, code: ProblemCode? = nil,
    message: String? = nil, errors: [Problem.FieldError]? = nil
  ) {
    self.line = line
    self.outcome = .known(outcome)
    self.externalID = externalID
    self.productID = productID
    self.code = code
    self.message = message
    self.errors = errors
  }

  enum CodingKeys: String, CodingKey {
    case line, outcome, code, message, errors
    case externalID = "external_id"
    case productID = "product_id"
  }
}

public struct ImportID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct ImportResultQuery: Codable, Sendable {
  public var id: UUID
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  public var outcome: ImportResult.Outcome?

  public init(id: UUID, limit: Int? = nil, cursor: Cursor? = nil, outcome: ImportResult.Outcome? = nil) {
    self.id = id
    self.limit = limit
    self.cursor = cursor
    self.outcome = outcome
  }
}

public struct ExportQuery: Codable, Sendable {
  /// 1 to 1 000; 1 000 when nil. A page ends before that when it has 4 MB.
  public var limit: Int?
  public var cursor: Cursor?
  public var status: Product.Status?

  public init(limit: Int? = nil, cursor: Cursor? = nil, status: Product.Status? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.status = status
  }
}
