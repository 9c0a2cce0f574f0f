import NotificationAPI

/// What the user service has to say by itself: that somebody is asked to join a team, and that a copy of their data is
/// there.
enum UserTemplates {
  static let contents: [String: TemplateContent] = ["team.invite": invitation, "export.ready": export]

  /// No link: where a page takes the token is for whoever runs the platform to write, in a version of their own.
  private static let invitation = TemplateContent(
    defaultLocale: "en",
    variables: [
      TemplateVariable("invite.team", example: "Kitchen"),
      TemplateVariable("invite.inviter", required: false, example: "Ada Lovelace"),
      TemplateVariable("invite.token", .secret, example: "9n4Yw1Xj0bE2mQ7sK8vR3tL6pA5zC0dF1gH2iJ3kM4o"),
      TemplateVariable("invite.days", .integer, example: "7"),
    ],
    texts: [
      text(
        "en", subject: "You are invited to a team at {{site.name}}", greeting: "Hello",
        [
          "{{#if invite.inviter}}{{invite.inviter}}{{else}}somebody{{/if}} asks you to join the team "
            + "“{{invite.team}}” at {{site.name}}. This is the code with which you do:",
          code("invite.token"),
          "It works once, for {{invite.days}} days, and for the account whose address is {{recipient.email}}. If you "
            + "have none yet, open one with this address.",
          "If you do not want to, or do not know who that is, ignore this message.",
        ]),
      text(
        "de", subject: "Sie sind bei {{site.name}} in ein Team eingeladen", greeting: "Guten Tag",
        [
          "{{#if invite.inviter}}{{invite.inviter}} lädt{{else}}jemand lädt{{/if}} Sie bei {{site.name}} in das Team "
            + "„{{invite.team}}“ ein. Mit diesem Code treten Sie bei:",
          code("invite.token"),
          "Er gilt einmal, {{invite.days}} Tage lang, und für das Konto mit der Adresse {{recipient.email}}. Falls Sie "
            + "noch keines haben, eröffnen Sie eines mit dieser Adresse.",
          "Falls Sie das nicht möchten oder nicht wissen, wer das ist, beachten Sie diese Nachricht nicht.",
        ]),
    ])

  private static let export = TemplateContent(
    defaultLocale: "en",
    variables: [
      TemplateVariable(
        "export.link", .secret, required: false, example: "https://example.com/api/v1/exports/link?token=9n4Yw1Xj"),
      TemplateVariable("export.days", .integer, example: "7"),
    ],
    texts: [
      text(
        "en", subject: "Your data at {{site.name}} are ready", greeting: "Hello",
        [
          "the copy of your data at {{site.name}} that you asked for is ready. It can be downloaded for "
            + "{{export.days}} days.",
          "{{#if export.link}}This link works once, without a sign-in; give it to nobody: {{export.link}}{{else}}Sign "
            + "in to download it.{{/if}}",
          "If you did not ask for it, somebody else may have your account: set a new password now.",
        ]),
      text(
        "de", subject: "Ihre Daten bei {{site.name}} sind bereit", greeting: "Guten Tag",
        [
          "die Kopie Ihrer Daten bei {{site.name}}, die Sie angefordert haben, ist bereit. Sie kann {{export.days}} "
            + "Tage lang heruntergeladen werden.",
          "{{#if export.link}}Dieser Link gilt einmal und ohne Anmeldung; geben Sie ihn niemandem: "
            + "{{export.link}}{{else}}Melden Sie sich an, um sie herunterzuladen.{{/if}}",
          "Falls Sie das nicht waren, hat vielleicht jemand anders Ihr Konto: setzen Sie jetzt ein neues Passwort.",
        ]),
    ])

  private static func code(_ variable: String) -> String { "    {{\(variable)}}" }

  private static func text(
    _ locale: String, subject: String, greeting: String, _ paragraphs: [String]
  ) -> TemplateText {
    let plain = ["\(greeting){{#if recipient.name}} {{recipient.name}}{{/if}},"] + paragraphs + ["{{site.name}}"]
    let html = plain.map { paragraph in
      paragraph.hasPrefix("    ")
        ? "<p style=\"font-family:monospace;font-size:18px;overflow-wrap:anywhere\">\(paragraph.dropFirst(4))</p>"
        : "<p style=\"overflow-wrap:anywhere\">\(paragraph)</p>"
    }
    return TemplateText(
      locale: locale, subject: subject, text: plain.joined(separator: "\n\n") + "\n",
      html: BuiltInTemplates.page(locale, html.joined(separator: "\n")))
  }
}
