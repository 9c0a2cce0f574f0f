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
  /// What a text message says; as sent, at most ten segments. As with ``html``, every locale has it, or none: so with
  /// ``push`` and ``inApp``.
  public var sms: String?
  /// What a phone shows; nothing that only the recipient may read.
  public var push: TemplateNote?
  /// What stands in the inbox; nothing that only the recipient may read.
  public var inApp: TemplateNote?

  public init(
    locale: String, subject: String, text: String, html: String? = nil, sms: String? = nil, push: TemplateNote? = nil,
    inApp: TemplateNote? = nil
  ) {
    self.locale = locale
    self.subject = subject
    self.text = text
    self.html = html
    self.sms = sms
    self.push = push
    self.inApp = inApp
  }

  enum CodingKeys: String, CodingKey {
    case locale, subject, text, html, sms, push
    case inApp = "in_app"
  }
}

/// A few words with a title.
public struct TemplateNote: Codable, Sendable, Hashable {
  /// One line; at most 200 bytes.
  public var title: String
  /// Plain text; at most 4 KiB.
  public var body: String
  /// Where it leads: as written, an `https:` or `http:` URL or a path of the application that begins with one `/`; at
  /// most 2000 bytes.
  public var link: String?

  public init(title: String, body: String, link: String? = nil) {
    self.title = title
    self.body = body
    self.link = link
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

  /// `variables` may be left out but is no `null`, which would look like an empty list and means nothing.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    defaultLocale = try container.decode(String.self, forKey: .defaultLocale)
    variables = try container.decodeIfPresent([TemplateVariable].self, forKey: .variables)
    if variables == nil, container.contains(.variables) {
      throw DecodingError.valueNotFound(
        [TemplateVariable].self,
        .init(codingPath: container.codingPath + [CodingKeys.variables], debugDescription: "is null"))
    }
    texts = try container.decode([TemplateText].self, forKey: .texts)
    category = try container.decodeIfPresent(MessageCategory.self, forKey: .category)
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
  /// E-mail unless it is given.
  public var channel: DeliveryChannel?

  public init(
    name: String, version: Int64? = nil, locale: String? = nil, data: JSONObject? = nil,
    channel: DeliveryChannel? = nil
  ) {
    self.channel = channel
    self.name = name
    self.version = version
    self.locale = locale
    self.data = data
  }
}

/// A message without a recipient.
public struct RenderedMessage: Codable, Sendable, Hashable {
  /// Or the title; empty where the channel has none.
  public var subject: String
  public var text: String
  public var html: String?
  /// Of the text that served.
  public var locale: String
  /// Where a push message or one in the inbox leads.
  public var link: String?
  /// Of a text message.
  public var length: TextMessageLength?

  public init(
    subject: String, text: String, html: String?, locale: String, link: String? = nil, length: TextMessageLength? = nil
  ) {
    self.subject = subject
    self.text = text
    self.html = html
    self.locale = locale
    self.link = link
    self.length = length
  }
}

/// How long a text message is on its way (3GPP TS 23.038, 23.040): what it costs.
public struct TextMessageLength: Codable, Sendable, Hashable {
  public enum Encoding: String, Codable, Sendable, CaseIterable {
    /// The default alphabet with its extension table: 160 characters, or 153 in each of several.
    case gsm7
    /// UTF-16 code units: 70, or 67 in each of several.
    case ucs2
  }
  public var encoding: Open<Encoding>
  /// Septets or UTF-16 code units.
  public var units: Int
  /// Messages that a phone puts together again.
  public var segments: Int

  public init(encoding: Encoding, units: Int, segments: Int) {
    self.encoding = .known(encoding)
    self.units = units
    self.segments = segments
  }
}
