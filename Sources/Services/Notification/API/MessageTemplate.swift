public import Foundation
public import GravityContracts

/// What messages of one kind are written with.
public struct MessageTemplate: Codable, Sendable, Hashable, EntityTagged {
  /// `order.confirmed`.
  public var name: String
  public var builtIn: Bool
  /// What messages are written with; 0 is built in, nil before anything was published.
  public var publishedVersion: Int64?
  /// Of what is published, else of the draft.
  public var locales: [String]
  public var variables: [TemplateVariable]
  /// What the next version shall be; nil in lists.
  public var draft: TemplateContent?
  /// Counts up with every change.
  public var version: Int64
  /// nil for a built-in one that nobody changed.
  public var updatedAt: Date?

  public init(
    name: String, builtIn: Bool, publishedVersion: Int64?, locales: [String], variables: [TemplateVariable],
    draft: TemplateContent?, version: Int64, updatedAt: Date?
  ) {
    self.name = name
    self.builtIn = builtIn
    self.publishedVersion = publishedVersion
    self.locales = locales
    self.variables = variables
    self.draft = draft
    self.version = version
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case name, locales, variables, draft, version
    case builtIn = "built_in"
    case publishedVersion = "published_version"
    case updatedAt = "updated_at"
  }
}

/// A template's text in its locales, and what it says about whom.
///
/// The language: `{{path}}` writes a value, `{{#if path}}…{{else}}…{{/if}}` asks whether there is one that is neither
/// false, 0 nor empty, and `{{#each path}}…{{this.field}}…{{/each}}` goes through a list. There is nothing else. In
/// HTML every value is escaped.
public struct TemplateContent: Codable, Sendable, Hashable {
  /// The locale whose text serves where none fits: `en`.
  public var defaultLocale: String
  /// What the texts may use. Those of a built-in template are fixed: leave them out, or repeat them.
  public var variables: [TemplateVariable]
  /// At most 50.
  public var texts: [TemplateText]
  /// What recipients switch off; `account` unless it is given. That of a built-in template is fixed.
  public var category: MessageCategory?

  public init(
    defaultLocale: String, variables: [TemplateVariable] = [], texts: [TemplateText], category: MessageCategory? = nil
  ) {
    self.category = category
    self.defaultLocale = defaultLocale
    self.variables = variables
    self.texts = texts
  }

  enum CodingKeys: String, CodingKey {
    case variables, texts, category
    case defaultLocale = "default_locale"
  }
}

public struct TemplateText: Codable, Sendable, Hashable {
  /// A language tag such as `pt-BR`.
  public var locale: String
  /// One line; at most 500 bytes.
  public var subject: String
  /// Plain text; at most 64 KiB.
  public var text: String
  /// At most 64 KiB. Either every locale has it, or none.
  public var html: String?

  public init(locale: String, subject: String, text: String, html: String? = nil) {
    self.locale = locale
    self.subject = subject
    self.text = text
    self.html = html
  }
}

/// Something that a text may write.
public struct TemplateVariable: Codable, Sendable, Hashable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case text, integer, boolean
    /// A text that only its recipient may read, such as a token. It goes into the message that is sent; in the outbox
    /// there are dots in its place, and it is deleted once the message is sent.
    case secret
    /// `{"amount": 1299, "currency": "USD"}`, written as the text's locale writes it.
    case money
    /// `https:` or `http:`: the only one that may stand in `href` or `src`.
    case url
    /// Of what ``TemplateVariable/name`` names with `[]` behind it: `order.lines` and `order.lines[].title`.
    case list
  }
  /// A dotted path of at most 8 parts: `order.number`, `order.lines[].title`.
  public var name: String
  public var kind: Kind
  /// One that is not there always stands inside `{{#if}}` only.
  public var required: Bool
  /// For previews; a text, an integer, `true` or `12.99 USD`, as its kind wants.
  public var example: String?

  public init(_ name: String, _ kind: Kind = .text, required: Bool = true, example: String? = nil) {
    self.name = name
    self.kind = kind
    self.required = required
    self.example = example
  }
}

public struct TemplateVersion: Codable, Sendable, Hashable {
  public var version: Int64
  public var published: Bool
  /// nil in lists.
  public var content: TemplateContent?
  public var note: String?
  /// Who published it; nil for what is built in.
  public var createdBy: String?
  public var createdAt: Date?

  public init(
    version: Int64, published: Bool, content: TemplateContent?, note: String?, createdBy: String?, createdAt: Date?
  ) {
    self.version = version
    self.published = published
    self.content = content
    self.note = note
    self.createdBy = createdBy
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case version, published, content, note
    case createdBy = "created_by"
    case createdAt = "created_at"
  }
}

public struct TemplateName: Codable, Sendable {
  public var name: String
  public init(name: String) { self.name = name }
}

public struct DraftWrite: Codable, Sendable {
  /// `family.what`: letters a–z, digits, `_`, `-` and dots; at most 100 bytes.
  public var name: String
  public var defaultLocale: String
  public var variables: [TemplateVariable]?
  public var texts: [TemplateText]
  /// What recipients switch off; `account` unless it is given. `security` cannot be switched off.
  public var category: MessageCategory?

  public init(
    name: String, defaultLocale: String, variables: [TemplateVariable]? = nil, texts: [TemplateText],
    category: MessageCategory? = nil
  ) {
    self.category = category
    self.name = name
    self.defaultLocale = defaultLocale
    self.variables = variables
    self.texts = texts
  }

  enum CodingKeys: String, CodingKey {
    case name, variables, texts, category
    case defaultLocale = "default_locale"
  }
}

public struct TemplatePublication: Codable, Sendable {
  public var name: String
  /// At most 500 characters.
  public var note: String?
  public init(name: String, note: String? = nil) {
    self.name = name
    self.note = note
  }
}

public struct TemplateRollback: Codable, Sendable {
  public var name: String
  public var version: Int64
  public init(name: String, version: Int64) {
    self.name = name
    self.version = version
  }
}

public struct TemplateVersionQuery: Codable, Sendable {
  public var name: String
  public var limit: Int?
  public var cursor: Cursor?
  public init(name: String, limit: Int? = nil, cursor: Cursor? = nil) {
    self.name = name
    self.limit = limit
    self.cursor = cursor
  }
}

public struct TemplateVersionID: Codable, Sendable {
  public var name: String
  public var version: Int64
  public init(name: String, version: Int64) {
    self.name = name
    self.version = version
  }
}

public struct TemplatePreview: Codable, Sendable {
  public var name: String
  /// The draft when nil, or what is published where there is no draft.
  public var version: Int64?
  public var locale: String?
  public var data: JSONObject?

  public init(name: String, version: Int64? = nil, locale: String? = nil, data: JSONObject? = nil) {
    self.name = name
    self.version = version
    self.locale = locale
    self.data = data
  }
}

/// A message without a recipient.
public struct RenderedMessage: Codable, Sendable, Hashable {
  public var subject: String
  public var text: String
  public var html: String?
  /// Of the text that served.
  public var locale: String

  public init(subject: String, text: String, html: String?, locale: String) {
    self.subject = subject
    self.text = text
    self.html = html
    self.locale = locale
  }
}
