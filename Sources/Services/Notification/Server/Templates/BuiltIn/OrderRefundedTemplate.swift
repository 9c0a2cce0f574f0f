import NotificationAPI

enum OrderRefundedTemplate {
  static let content = TemplateContent(
    defaultLocale: "en", variables: OrderData.variables,
    texts: [
      text(
        "en", subject: "Your order {{order.number}} was refunded",
        greeting: "Hello{{#if recipient.name}} {{recipient.name}}{{/if}},",
        news: "we gave back {{order.total}}: all that was paid for your order {{order.number}}.",
        time: "Your bank may take a few days to show it."),
      text(
        "de", subject: "Ihre Bestellung {{order.number}} wurde erstattet",
        greeting: "Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},",
        news: "wir haben {{order.total}} zurückgegeben: alles, was für Ihre Bestellung {{order.number}} bezahlt war.",
        time: "Bis Ihre Bank es anzeigt, können einige Tage vergehen."),
    ])

  private static func text(
    _ locale: String, subject: String, greeting: String, news: String, time: String
  ) -> TemplateText {
    TemplateText(
      locale: locale, subject: subject, text: "\(greeting)\n\n\(news)\n\(time)\n\n{{site.name}}\n",
      html: BuiltInTemplates.page(
        locale, "<p>\(greeting)</p>\n<p>\(news)</p>\n<p>\(time)</p>\n<p>{{site.name}}</p>"),
      inApp: TemplateNote(title: subject, body: time))
  }
}
