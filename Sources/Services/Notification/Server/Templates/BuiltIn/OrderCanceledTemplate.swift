import NotificationAPI

enum OrderCanceledTemplate {
  static let content = TemplateContent(
    defaultLocale: "en", variables: OrderData.variables,
    texts: [
      text(
        "en", subject: "Your order {{order.number}} was canceled",
        greeting: "Hello{{#if recipient.name}} {{recipient.name}}{{/if}},",
        news: "your order {{order.number}} was canceled.",
        stock: "Not enough of what you ordered was left.", payment: "The payment was declined.",
        time: "The payment was not finished in time.",
        money: "You were charged nothing; what was held or paid is given back."),
      text(
        "de", subject: "Ihre Bestellung {{order.number}} wurde storniert",
        greeting: "Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},",
        news: "Ihre Bestellung {{order.number}} wurde storniert.",
        stock: "Von dem, was Sie bestellt haben, war nicht mehr genug da.", payment: "Die Zahlung wurde abgelehnt.",
        time: "Die Zahlung wurde nicht rechtzeitig abgeschlossen.",
        money: "Ihnen wird nichts berechnet; was vorgemerkt oder bezahlt war, wird zurückgegeben."),
    ])

  private static func text(
    _ locale: String, subject: String, greeting: String, news: String, stock: String, payment: String, time: String,
    money: String
  ) -> TemplateText {
    func reasons(_ line: (String) -> String) -> String {
      "{{#if order.is_out_of_stock}}\(line(stock)){{/if}}{{#if order.is_payment_declined}}\(line(payment)){{/if}}"
        + "{{#if order.is_payment_late}}\(line(time)){{/if}}"
    }
    return TemplateText(
      locale: locale, subject: subject,
      text: "\(greeting)\n\n\(news)\n\(reasons { "\($0)\n" })\n\(money)\n\n{{site.name}}\n",
      html: BuiltInTemplates.page(
        locale,
        "<p>\(greeting)</p>\n<p>\(news)</p>\n\(reasons { "<p>\($0)</p>\n" })<p>\(money)</p>\n<p>{{site.name}}</p>"),
      inApp: TemplateNote(title: subject, body: "\(reasons { "\($0) " })\(money)"))
  }
}
