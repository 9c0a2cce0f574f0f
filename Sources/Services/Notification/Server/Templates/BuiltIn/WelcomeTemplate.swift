import NotificationAPI

enum WelcomeTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    texts: [
      TemplateText(
        locale: "en", subject: "Welcome to {{site.name}}",
        text: """
          Hello{{#if recipient.name}} {{recipient.name}}{{/if}},

          your account at {{site.name}} is open. You sign in with {{recipient.email}}.

          If it was not you who opened it, you need not do anything.

          """,
        html: BuiltInTemplates.page(
          "en",
          """
          <p>Hello{{#if recipient.name}} {{recipient.name}}{{/if}},</p>
          <p>your account at {{site.name}} is open. You sign in with <strong>{{recipient.email}}</strong>.</p>
          <p>If it was not you who opened it, you need not do anything.</p>
          """)),
      TemplateText(
        locale: "de", subject: "Willkommen bei {{site.name}}",
        text: """
          Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},

          Ihr Konto bei {{site.name}} ist eröffnet. Sie melden sich mit {{recipient.email}} an.

          Falls nicht Sie es eröffnet haben, brauchen Sie nichts zu tun.

          """,
        html: BuiltInTemplates.page(
          "de",
          """
          <p>Guten Tag{{#if recipient.name}} {{recipient.name}}{{/if}},</p>
          <p>Ihr Konto bei {{site.name}} ist eröffnet. Sie melden sich mit <strong>{{recipient.email}}</strong> an.</p>
          <p>Falls nicht Sie es eröffnet haben, brauchen Sie nichts zu tun.</p>
          """)),
    ])
}
