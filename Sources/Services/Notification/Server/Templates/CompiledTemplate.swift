import Foundation
import GravityContracts
import NotificationAPI

/// A version of a template, checked and ready to write messages.
struct CompiledTemplate: Sendable {
  struct Text: Sendable {
    var locale: String
    /// One for each channel that it has words for; e-mail is always among them.
    var parts: [DeliveryChannel: Part]
  }
  /// What one channel says.
  struct Part: Sendable {
    var subject: [TemplateNode] = []
    var text: [TemplateNode]
    var html: [TemplateNode]?
    var link: [TemplateNode]?
  }
  let name: String
  let version: Int64
  let defaultLocale: String
  /// Its own, without those that every template has.
  let variables: [TemplateVariable]
  let texts: [String: Text]
  let category: MessageCategory
  /// Whether it is sent whatever its recipient switched off.
  var isCritical: Bool { category == .security }

  /// Those that it has words for: every locale has the same.
  var channels: Set<DeliveryChannel> { Set(texts[defaultLocale]?.parts.keys.map { $0 } ?? []) }

  /// Whether its messages hold what only their recipients may read.
  var hasSecrets: Bool { variables.contains { $0.kind == .secret } }

  static let greatestTexts = 50
  static let greatestVariables = 200
  static let greatestSubject = 500

  /// What every template may write besides its own.
  static let common: [TemplateVariable] = [
    TemplateVariable("recipient.name", required: false, example: "Ada Lovelace"),
    TemplateVariable("recipient.email", example: "ada@example.com"),
    TemplateVariable("site.name", example: "Gravity"),
  ]

  /// - Parameters:
  ///   - fixed: The variables of a built-in template, which are what its data are made of.
  ///   - former: What is published: a locale in it must not get lost.
  ///   - platform: Where people reach the platform: what links with secrets in them begin with.
  /// - Throws: `Problem` 422 with everything that is wrong.
  init(
    _ name: String, version: Int64, _ content: TemplateContent, fixed: [TemplateVariable]? = nil,
    former: TemplateContent? = nil, platform: String? = nil
  ) throws {
    var review = TemplateReview(fixed ?? content.variables, platform: platform)
    if let fixed, !content.variables.isEmpty, Set(content.variables.map(\.name)) != Set(fixed.map(\.name)) {
      review.fail("variables", "fixed", "are fixed in a built-in template: leave them out")
    }
    let texts = review.texts(content.texts)
    let fallback = LocaleTag(content.defaultLocale)?.text
    if fallback.flatMap({ texts[$0] }) == nil, review.errors.isEmpty {
      review.fail("default_locale", "unknown", "must be the locale of one of the texts")
    }
    for lost in (former?.texts ?? []).compactMap({ LocaleTag($0.locale)?.text }) where texts[lost] == nil {
      review.fail("texts", "locale_missing", "the published version has \(lost) and this has not")
    }
    guard review.errors.isEmpty, let fallback else { throw Problem.invalid(Array(review.errors.prefix(50))) }
    self.name = name
    self.version = version
    defaultLocale = fallback
    variables = fixed ?? content.variables
    category = BuiltInTemplates.category(name) ?? content.category ?? .account
    self.texts = texts
  }

  /// The text for whoever reads `locale`: `pt-BR`, then `pt`, then the default.
  func text(for locale: String?) -> Text {
    let wanted = locale.flatMap(LocaleTag.init)?.fallbacks ?? []
    for tag in wanted + [defaultLocale] { if let text = texts[tag] { return text } }
    preconditionFailure("the default locale's text is there: the initialiser saw to it")
  }

  /// - Throws: ``TemplateFault``.
  func render(
    _ data: JSONObject, locale: String?, for channel: DeliveryChannel = .email
  ) throws(TemplateFault) -> RenderedMessage {
    if let error = TemplateData.errors(in: data, variables + Self.common).first {
      throw TemplateFault(
        error.code == "required" ? "missing_variable" : "wrong_data", "\(error.field) \(error.message)")
    }
    let text = text(for: locale)
    guard let part = text.parts[channel] else {
      throw TemplateFault("no_text", "there is no text for \(channel.rawValue)")
    }
    var message = RenderedMessage(
      subject: try TemplateRenderer.render(part.subject, .header, data, locale: text.locale),
      text: try TemplateRenderer.render(part.text, .text, data, locale: text.locale),
      html: try Self.optional(part.html) { nodes throws(TemplateFault) in
        try TemplateRenderer.render(nodes, .html, data, locale: text.locale)
      }, locale: text.locale,
      link: try Self.optional(part.link) { nodes throws(TemplateFault) in
        try TemplateRenderer.render(nodes, .header, data, locale: text.locale)
      })
    try MessageBounds.check(&message, channel)
    return message
  }

  private static func optional(
    _ nodes: [TemplateNode]?, _ body: ([TemplateNode]) throws(TemplateFault) -> String
  ) throws(TemplateFault) -> String? {
    guard let nodes else { return nil }
    return try body(nodes)
  }
}
