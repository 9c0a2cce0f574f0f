import Foundation
import GravityContracts
import NotificationAPI

/// Goes through the content of a template and notes everything that is wrong with it.
struct TemplateReview {
  private let declared: [String: TemplateVariable]
  private let platform: String?
  private(set) var errors: [Problem.FieldError] = []

  /// - Parameter platform: The address that links with secrets in them begin with.
  init(_ variables: [TemplateVariable], platform: String?) {
    self.platform = platform
    declared = Dictionary(
      (variables + CompiledTemplate.common).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    check(variables)
  }

  mutating func fail(_ field: String, _ code: String, _ message: String) {
    errors.append(.init(field: field, code: code, message: message))
  }

  // MARK: Texts

  /// - Returns: those that could be read, by locale.
  mutating func texts(_ sources: [TemplateText]) -> [String: CompiledTemplate.Text] {
    if !(1...CompiledTemplate.greatestTexts).contains(sources.count) {
      fail("texts", "range", "must be 1 to \(CompiledTemplate.greatestTexts) locales")
    }
    let hasHTML = sources.contains { $0.html != nil }
    let others = DeliveryChannel.others.filter { channel in sources.contains { $0.has(channel) } }
    var texts: [String: CompiledTemplate.Text] = [:]
    for (index, source) in sources.prefix(CompiledTemplate.greatestTexts).enumerated() {
      let field = "texts.\(index)"
      guard let locale = LocaleTag(source.locale)?.text else {
        fail("\(field).locale", "format", LocaleTag.rule)
        continue
      }
      if texts[locale] != nil { fail("\(field).locale", "duplicate", "\(locale) is there twice") }
      if hasHTML, source.html == nil { fail("\(field).html", "required", "other locales have it") }
      for channel in others where !source.has(channel) {
        fail("\(field).\(channel.rawValue)", "required", "other locales have it")
      }
      texts[locale] = text(source, locale, field)
    }
    return texts
  }

  private mutating func text(_ source: TemplateText, _ locale: String, _ field: String) -> CompiledTemplate.Text {
    if source.subject.isEmpty { fail("\(field).subject", "required", "must not be empty") }
    if source.text.isEmpty { fail("\(field).text", "required", "must not be empty") }
    if source.subject.utf8.count > CompiledTemplate.greatestSubject {
      fail("\(field).subject", "too_long", "must have at most \(CompiledTemplate.greatestSubject) bytes")
    }
    do throws(TemplateFault) { try TemplateRenderer.checkHeader(source.subject) } catch {
      fail("\(field).subject", error.code, error.message)
    }
    var parts: [DeliveryChannel: CompiledTemplate.Part] = [
      .email: .init(
        subject: nodes(source.subject, "\(field).subject"), text: nodes(source.text, "\(field).text"),
        html: source.html.map { nodes($0, "\(field).html", isHTML: true) })
    ]
    if let text = source.sms {
      if text.isEmpty { fail("\(field).sms", "required", "must not be empty") }
      parts[.sms] = .init(text: nodes(text, "\(field).sms"))
    }
    parts[.push] = source.push.map { note($0, "\(field).push") }
    parts[.inApp] = source.inApp.map { note($0, "\(field).in_app") }
    return CompiledTemplate.Text(locale: locale, parts: parts)
  }

  /// It is shown on a locked screen, or kept where it can be read again: no secret goes into it.
  private mutating func note(_ source: TemplateNote, _ field: String) -> CompiledTemplate.Part {
    if source.title.isEmpty { fail("\(field).title", "required", "must not be empty") }
    if source.body.isEmpty { fail("\(field).body", "required", "must not be empty") }
    do throws(TemplateFault) { try TemplateRenderer.checkHeader(source.title) } catch {
      fail("\(field).title", error.code, error.message)
    }
    return CompiledTemplate.Part(
      subject: nodes(source.title, "\(field).title", isPublic: true),
      text: nodes(source.body, "\(field).body", isPublic: true),
      link: source.link.map { nodes($0, "\(field).link", isPublic: true) })
  }

  private mutating func nodes(
    _ source: String, _ field: String, isHTML: Bool = false, isPublic: Bool = false
  ) -> [TemplateNode] {
    do throws(TemplateFault) {
      let nodes = try TemplateParser.parse(source)
      for fault in TemplateChecker.faults(
        in: nodes, declared, isHTML: isHTML, isPublic: isPublic, platform: platform)
      {
        fail(field, fault.code, fault.message)
      }
      return nodes
    } catch {
      fail(field, error.code, error.message)
      return []
    }
  }

  // MARK: Variables

  private mutating func check(_ variables: [TemplateVariable]) {
    if variables.count > CompiledTemplate.greatestVariables {
      fail("variables", "too_long", "must be at most \(CompiledTemplate.greatestVariables)")
    }
    let lists = Set(variables.filter { $0.kind == .list }.map(\.name))
    var seen = Set(CompiledTemplate.common.map(\.name))
    for (index, variable) in variables.prefix(CompiledTemplate.greatestVariables).enumerated() {
      let field = "variables.\(index).name"
      guard Self.isPath(variable.name) else {
        fail(field, "format", "must be a path such as order.lines[].title")
        continue
      }
      if !seen.insert(variable.name).inserted { fail(field, "duplicate", "\(variable.name) is declared already") }
      if let bracket = variable.name.range(of: "[]", options: .backwards) {
        let list = String(variable.name[..<bracket.lowerBound])
        if !lists.contains(list) { fail(field, "not_a_list", "\(list) is not declared as a list") }
      }
      if (variable.example?.utf8.count ?? 0) > 1_000 { fail(field, "too_long", "an example has at most 1000 bytes") }
    }
  }

  private static func isPath(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count <= TemplatePath.greatestParts && parts.first != "this"
      && parts.allSatisfy { part in
        var name = part
        while name.hasSuffix("[]") { name = name.dropLast(2) }
        return TemplatePath.isName(name)
      }
  }
}

extension TemplateText {
  func has(_ channel: DeliveryChannel) -> Bool {
    switch channel {
    case .email: true
    case .sms: sms != nil
    case .push: push != nil
    case .inApp: inApp != nil
    }
  }

  /// Bytes.
  var size: Int {
    let notes = [push, inApp].compactMap { $0 }.map {
      $0.title.utf8.count + $0.body.utf8.count + ($0.link?.utf8.count ?? 0)
    }
    return subject.utf8.count + text.utf8.count + (html?.utf8.count ?? 0) + (sms?.utf8.count ?? 0) + notes.reduce(0, +)
  }
}

extension DeliveryChannel {
  /// All but e-mail.
  static var others: [DeliveryChannel] { allCases.filter { $0 != .email } }
}
