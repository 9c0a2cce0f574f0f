import NotificationAPI

enum OrderConfirmedTemplate {
  static let content = TemplateContent(
    defaultLocale: "en", variables: OrderData.variables,
    texts: [
      TemplateText(
        locale: "en", subject: "Your order {{order.number}} is confirmed",
        text: """
          Hello{{#if recipient.name}} {{recipient.name}}{{/if}},

          thank you for your order {{order.number}}. It is confirmed.

          {{#each order.lines}}{{this.quantity}} × {{this.title}} ({{this.sku}}): {{this.total}}
          {{/each}}
          Total: {{order.total}}

          {{site.name}}

          """,
        html: BuiltInTemplates.page(
          "en",
          """
          <p>Hello{{#if recipient.name}} {{recipient.name}}{{/if}},</p>
          <p>thank you for your order <strong>{{order.number}}</strong>. It is confirmed.</p>
          \(lines(quantity: "Quantity", item: "Item", price: "Price", total: "Total"))
          <p>{{site.name}}</p>
          """),
        inApp: TemplateNote(
          title: "Your order {{order.number}} is confirmed", body: "Thank you. You pay {{order.total}} for it.")),
      TemplateText(
        locale: "de", subject: "Ihre Bestellung {{order.number}} ist bestätigt",
        text: """
          Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},

          vielen Dank für Ihre Bestellung {{order.number}}. Sie ist bestätigt.

          {{#each order.lines}}{{this.quantity}} × {{this.title}} ({{this.sku}}): {{this.total}}
          {{/each}}
          Summe: {{order.total}}

          {{site.name}}

          """,
        html: BuiltInTemplates.page(
          "de",
          """
          <p>Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},</p>
          <p>vielen Dank für Ihre Bestellung <strong>{{order.number}}</strong>. Sie ist bestätigt.</p>
          \(lines(quantity: "Anzahl", item: "Artikel", price: "Preis", total: "Summe"))
          <p>{{site.name}}</p>
          """),
        inApp: TemplateNote(
          title: "Ihre Bestellung {{order.number}} ist bestätigt", body: "Vielen Dank. Sie kostet {{order.total}}.")),
    ])

  private static func lines(quantity: String, item: String, price: String, total: String) -> String {
    """
    <table style="width:100%;border-collapse:collapse">
    <tr><th style="text-align:right;padding:4px 12px 4px 0">\(quantity)</th>\
    <th style="text-align:left;padding:4px">\(item)</th><th style="text-align:right;padding:4px">\(price)</th></tr>
    {{#each order.lines}}<tr><td style="text-align:right;padding:4px 12px 4px 0">{{this.quantity}}</td>\
    <td style="padding:4px">{{this.title}}</td><td style="text-align:right;padding:4px">{{this.total}}</td></tr>
    {{/each}}<tr><td></td><td style="padding:4px"><strong>\(total)</strong></td>\
    <td style="text-align:right;padding:4px"><strong>{{order.total}}</strong></td></tr>
    </table>
    """
  }
}
