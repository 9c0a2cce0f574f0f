import NotificationAPI

/// To whoever made a webhook: it is told nothing any more.
enum WebhookDisabledTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    variables: [
      TemplateVariable("webhook.url", example: "https://example.com/events"),
      TemplateVariable("webhook.is_gone", .boolean, example: "true"),
    ],
    texts: [
      text(
        "en", subject: "A webhook of {{site.name}} is disabled", greeting: "Hello",
        news: "nothing is sent to {{webhook.url}} any more.", gone: "It answered that it is gone (410).",
        failing: "Nothing has arrived there for three days.",
        advice: "Enable it again when it works; what could not be delivered is in its log and can be replayed."),
      text(
        "de", subject: "Ein Webhook von {{site.name}} ist abgeschaltet", greeting: "Guten Tag",
        news: "an {{webhook.url}} wird nichts mehr gesendet.",
        gone: "Die Adresse hat geantwortet, dass es sie nicht mehr gibt (410).",
        failing: "Seit drei Tagen ist dort nichts angekommen.",
        advice: "Schalten Sie ihn wieder ein, wenn er antwortet; was nicht zugestellt werden konnte, steht in seinem "
          + "Protokoll und kann nachgesendet werden."),
    ])

  private static func text(
    _ locale: String, subject: String, greeting: String, news: String, gone: String, failing: String, advice: String
  ) -> TemplateText {
    let greeting = "\(greeting){{#if recipient.name}} {{recipient.name}}{{/if}},"
    let why = "{{#if webhook.is_gone}}\(gone){{else}}\(failing){{/if}}"
    return TemplateText(
      locale: locale, subject: subject,
      text: "\(greeting)\n\n\(news) \(why)\n\n\(advice)\n\n{{site.name}}\n",
      html: BuiltInTemplates.page(
        locale, "<p>\(greeting)</p>\n<p>\(news) \(why)</p>\n<p>\(advice)</p>\n<p>{{site.name}}</p>"))
  }
}
