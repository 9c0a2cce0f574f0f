import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// Looking at what was, and at what would be.
extension TemplateBook {
  func versions(_ query: TemplateVersionQuery) async throws -> Page<TemplateVersion> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { cursor in
      guard let number = cursor.parts.first.flatMap(Int64.init), cursor.parts.count == 1 else { throw Self.wrongCursor }
      return number
    }
    return try await core.read { [library] transaction, _ in
      let row = try existing(query.name, transaction)
      let published = row.map(\.publishedVersion) ?? 0
      var versions = try TemplateStore(transaction).versions(of: query.name, before: before, limit: limit + 1).map {
        Self.version($0, published: published, withContent: false)
      }
      if library.builtIn(query.name) != nil, versions.count <= limit, before.map({ $0 > 0 }) ?? true {
        versions.append(Self.builtIn(query.name, published: published, withContent: false))
      }
      return Page(fetched: versions, limit: limit) { Cursor([String($0.version)]) }
    }
  }

  func version(_ request: TemplateVersionID) async throws -> TemplateVersion {
    try await core.read { [library] transaction, _ in
      let published = try existing(request.name, transaction).map(\.publishedVersion) ?? 0
      if request.version == 0, library.builtIn(request.name) != nil {
        return Self.builtIn(request.name, published: published, withContent: true)
      }
      guard let row = try TemplateStore(transaction).version(request.version, of: request.name) else {
        throw Problem.notFound("version")
      }
      return Self.version(row, published: published, withContent: true)
    }
  }

  func preview(_ request: TemplatePreview) async throws -> RenderedMessage {
    if request.locale.map({ LocaleTag($0) == nil }) ?? false {
      throw Problem.invalid("locale", "format", LocaleTag.rule)
    }
    let compiled = try await core.read { [library] transaction, _ in
      let row = try existing(request.name, transaction)
      let draft = request.version == nil ? row?.draft : nil
      let number = request.version ?? (row.map(\.publishedVersion) ?? 0)
      guard let content = try draft ?? content(number, of: request.name, transaction) else {
        if request.version != nil { throw Problem.invalid("version", "unknown", "there is no such version") }
        throw Self.noDraft
      }
      return try CompiledTemplate(
        request.name, version: number ?? 0, content, fixed: library.builtIn(request.name)?.variables,
        platform: library.platform)
    }
    var data = Self.examples(compiled, core.configuration)
    for (name, value) in request.data?.members ?? [:] { data.members[name] = value }
    let errors = TemplateData.errors(in: data, compiled.variables + CompiledTemplate.common)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let channel = request.channel ?? .email
    guard compiled.channels.contains(channel) else {
      throw Problem.invalid("channel", "no_text", "the template has no text for it")
    }
    do throws(TemplateFault) { return try compiled.render(data, locale: request.locale, for: channel) } catch {
      throw Problem.invalid("data", error.code, error.message)
    }
  }

  private static func version(
    _ row: TemplateVersionRow, published: Int64?, withContent: Bool
  ) -> TemplateVersion {
    TemplateVersion(
      version: row.version, published: row.version == published, content: withContent ? row.content : nil,
      note: row.note, createdBy: row.createdBy, createdAt: row.createdAt)
  }

  private static func builtIn(_ name: String, published: Int64?, withContent: Bool) -> TemplateVersion {
    TemplateVersion(
      version: 0, published: published == 0, content: withContent ? BuiltInTemplates.contents[name] : nil, note: nil,
      createdBy: nil, createdAt: nil)
  }
}
