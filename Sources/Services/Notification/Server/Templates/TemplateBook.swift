import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import NotificationAPI

/// Templates as people edit them: draft → publish → the next version, and back to any earlier one.
struct TemplateBook: Sendable {
  let core: NotificationCore
  let library: TemplateLibrary

  static let greatestCount = 500
  /// Characters.
  private static let greatestNote = 500

  func list(_ request: PageRequest) async throws -> Page<MessageTemplate> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map(Self.name)
    return try await core.read { transaction, _ in
      // Few, and those that are built in are not in the table until somebody changes them.
      let rows = Dictionary(
        uniqueKeysWithValues: try TemplateStore(transaction).list().map { ($0.name, $0) })
      let names = Set(rows.keys).union(BuiltInTemplates.names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        .filter { name in after.map { $0.utf8.lexicographicallyPrecedes(name.utf8) } ?? true }
      let page = try names.prefix(limit + 1).map { name in
        var template = try view(name, rows[name], transaction)
        template.draft = nil
        return template
      }
      return Page(fetched: page, limit: limit) { Cursor([$0.name]) }
    }
  }

  func find(_ name: String) async throws -> MessageTemplate {
    try await core.read { transaction, _ in
      try view(name, try existing(name, transaction), transaction)
    }
  }

  func saveDraft(_ request: DraftWrite, _ precondition: TemplatePrecondition) async throws -> MessageTemplate {
    try Self.check(request)
    let content = TemplateContent(
      defaultLocale: request.defaultLocale, variables: request.variables ?? [], texts: request.texts,
      category: request.category)
    return try await change(request.name, makes: true, precondition) { row, _, _ in row.draft = content }
  }

  func discardDraft(_ name: String, _ precondition: TemplatePrecondition) async throws -> MessageTemplate {
    try await change(name, precondition) { row, _, _ in row.draft = nil }
  }

  func publish(
    _ request: TemplatePublication, by principal: Principal, _ precondition: TemplatePrecondition
  ) async throws -> MessageTemplate {
    if let note = request.note, note.unicodeScalars.count > Self.greatestNote || note.unicodeScalars.contains("\0") {
      throw Problem.invalid("note", "too_long", "must have at most \(Self.greatestNote) characters")
    }
    return try await change(request.name, precondition) { [library, core] row, transaction, now in
      guard var draft = row.draft else { throw Self.noDraft }
      let fixed = library.builtIn(row.name)?.variables
      let former = try content(row.publishedVersion, of: row.name, transaction)
      row.lastVersion += 1
      let compiled = try CompiledTemplate(
        row.name, version: row.lastVersion, draft, fixed: fixed, former: former, platform: library.platform)
      try Self.rehearse(compiled, core.configuration)
      if let fixed { draft.variables = fixed }
      draft.category = compiled.category
      try TemplateStore(transaction).insertVersion(
        TemplateVersionRow(
          version: row.lastVersion, content: draft, note: request.note, createdBy: principal.subject, createdAt: now),
        of: row.name)
      (row.publishedVersion, row.draft) = (row.lastVersion, nil)
    }
  }

  func rollBack(_ request: TemplateRollback, _ precondition: TemplatePrecondition) async throws -> MessageTemplate {
    try await change(request.name, precondition) { row, transaction, _ in
      guard try content(request.version, of: row.name, transaction) != nil else {
        throw Problem.invalid("version", "unknown", "there is no such version")
      }
      row.publishedVersion = request.version
    }
  }

  /// Its row stays without content, so that the number of a version is never given twice.
  func delete(_ name: String, _ precondition: TemplatePrecondition) async throws {
    guard library.builtIn(name) == nil else {
      throw Problem(409, "built_in", "A built-in template cannot be deleted", detail: "Roll it back to version 0.")
    }
    _ = try await core.write { transaction, now in
      guard var row = try existing(name, transaction) else { throw Problem.notFound("template") }
      try precondition.require(EntityTag(version: row.version))
      try TemplateStore(transaction).deleteVersions(of: name)
      (row.publishedVersion, row.draft) = (nil, nil)
      row.version += 1
      row.updatedAt = now
      try TemplateStore(transaction).save(row)
    }
  }

  // MARK: -

  private func change(
    _ name: String, makes: Bool = false, _ precondition: TemplatePrecondition,
    _ body: @escaping @Sendable (inout TemplateRow, any Transaction, Date) throws -> Void
  ) async throws -> MessageTemplate {
    try await core.write { [library] transaction, now in
      try transaction.lock("template \(name)")
      let store = TemplateStore(transaction)
      var row: TemplateRow
      if let found = try store.find(name), makes || isThere(found) {
        row = found
        try precondition.require(EntityTag(version: row.version))
      } else {
        let isBuiltIn = library.builtIn(name) != nil
        guard makes || isBuiltIn else { throw Problem.notFound("template") }
        if isBuiltIn { try precondition.require(EntityTag(version: 0)) } else { try precondition.requireNone() }
        guard try store.count() < Self.greatestCount else {
          throw Problem(409, "too_many_templates", "There are \(Self.greatestCount) templates already")
        }
        row = TemplateRow(name: name, publishedVersion: isBuiltIn ? 0 : nil, at: now)
        row.version = 0
      }
      try body(&row, transaction, now)
      row.version += 1
      row.updatedAt = now
      try store.save(row)
      return try view(name, row, transaction)
    }
  }

  /// nil for a built-in one that nobody changed.
  /// - Throws: `Problem` 404 when there is none.
  func existing(_ name: String, _ transaction: any Transaction) throws -> TemplateRow? {
    let row = try TemplateStore(transaction).find(name)
    if let row, isThere(row) { return row }
    guard library.builtIn(name) != nil else { throw Problem.notFound("template") }
    return nil
  }

  private func isThere(_ row: TemplateRow) -> Bool {
    row.publishedVersion != nil || row.draft != nil || library.builtIn(row.name) != nil
  }

  func content(
    _ version: Int64?, of name: String, _ transaction: any Transaction
  ) throws -> TemplateContent? {
    guard let version else { return nil }
    if version == 0 { return BuiltInTemplates.contents[name] }
    return try TemplateStore(transaction).version(version, of: name)?.content
  }

  func view(_ name: String, _ row: TemplateRow?, _ transaction: any Transaction) throws -> MessageTemplate {
    let published = row.map(\.publishedVersion) ?? 0
    let content = try self.content(published, of: name, transaction) ?? row?.draft
    return MessageTemplate(
      name: name, builtIn: library.builtIn(name) != nil, publishedVersion: published,
      locales: content?.texts.map(\.locale).sorted() ?? [],
      variables: (library.builtIn(name)?.variables ?? content?.variables ?? []), draft: row?.draft,
      version: row?.version ?? 0, updatedAt: row?.updatedAt)
  }

  static func examples(_ template: CompiledTemplate, _ configuration: NotificationConfiguration) -> JSONObject {
    TemplateData.examples(
      template.variables + CompiledTemplate.common.filter { $0.name != "site.name" }
        + [TemplateVariable("site.name", example: configuration.siteName)])
  }

  /// Writes each locale once with the examples: what fails now would fail for everybody.
  private static func rehearse(_ template: CompiledTemplate, _ configuration: NotificationConfiguration) throws {
    let data = examples(template, configuration)
    for locale in template.texts.keys.sorted() {
      for channel in DeliveryChannel.allCases where template.channels.contains(channel) {
        do throws(TemplateFault) { _ = try template.render(data, locale: locale, for: channel) } catch {
          throw Problem.invalid("texts.\(locale).\(channel.rawValue)", error.code, error.message)
        }
      }
    }
  }

  private static func check(_ request: DraftWrite) throws {
    let isName =
      (1...100).contains(request.name.utf8.count)
      && request.name.utf8.allSatisfy { byte in
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
      }
    guard isName else { throw Problem.invalid("name", "format", "must be letters a–z, digits, `_`, `-` and dots") }
    var size = 0
    for text in request.texts { size += text.size }
    guard request.texts.count <= CompiledTemplate.greatestTexts, size <= 1 << 20,
      (request.variables?.count ?? 0) <= CompiledTemplate.greatestVariables
    else { throw Problem.invalid("texts", "too_long", "there is too much of it") }
  }

  private static func name(_ cursor: Cursor) throws -> String {
    guard cursor.parts.count == 1 else { throw wrongCursor }
    return cursor.parts[0]
  }

  static var wrongCursor: Problem { Problem.invalid("cursor", "format", "is not a cursor of this list") }
  static var noDraft: Problem { Problem(409, "no_draft", "The template has no draft") }
}

/// What `If-Match` asks for, if it was sent.
struct TemplatePrecondition: Sendable {
  /// nil stands for a template that is not there.
  let check: @Sendable (EntityTag?) throws -> Void

  func require(_ tag: EntityTag) throws { try check(tag) }
  func requireNone() throws { try check(nil) }
}
