import Foundation
import GravityContracts
import NotificationAPI

/// A version of a template, checked and ready to write messages.
struct CompiledTemplate: Sendable {
  struct Text: Sendable {
    var locale: String
    var subject: [TemplateNode]
    var text: [TemplateNode]
    var html: [TemplateNode]?
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
  /// - Throws: `Problem` 422 with everything that is wrong.
  init(
    _ name: String, version: Int64, _ content: TemplateContent, fixed: [TemplateVariable]? = nil,
    former: TemplateContent? = nil
  ) throws {
    var review = TemplateReview(fixed ?? content.variables)
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
  func render(_ data: JSONObject, locale: String?) throws(TemplateFault) -> RenderedMessage {
    if let error = TemplateData.errors(in: data, variables + Self.common).first {
      throw TemplateFault(
        error.code == "required" ? "missing_variable" : "wrong_data", "\(error.field) \(error.message)")
    }
    let text = text(for: locale)
    return RenderedMessage(
      subject: try TemplateRenderer.render(text.subject, .header, data, locale: text.locale),
      text: try TemplateRenderer.render(text.text, .text, data, locale: text.locale),
      html: try Self.optional(text.html) { nodes throws(TemplateFault) in
        try TemplateRenderer.render(nodes, .html, data, locale: text.locale)
      }, locale: text.locale)
  }

  private static func optional(
    _ nodes: [TemplateNode]?, _ body: ([TemplateNode]) throws(TemplateFault) -> String
  ) throws(TemplateFault) -> String? {
    guard let nodes else { return nil }
    return try body(nodes)
  }
}
