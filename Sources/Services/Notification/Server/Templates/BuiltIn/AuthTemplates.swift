import NotificationAPI

/// What auth has to say by itself: to prove an address, to set a password anew, and what was done to an account. No
/// links: where a page takes the token is for whoever runs the platform to write, in a version of their own.
enum AuthTemplates {
  static let contents: [String: TemplateContent] = [
    "auth.verification": token(
      .init(
        subject: "Confirm your address for {{site.name}}",
        news: "this is the code that confirms that {{recipient.email}} is your address:",
        advice: "If you opened no account at {{site.name}}, ignore this message."),
      .init(
        subject: "Bestätigen Sie Ihre Adresse für {{site.name}}",
        news: "mit diesem Code bestätigen Sie, dass {{recipient.email}} Ihre Adresse ist:",
        advice: "Falls Sie bei {{site.name}} kein Konto eröffnet haben, beachten Sie diese Nachricht nicht.")),
    "auth.recovery": token(
      .init(
        subject: "Set a new password for {{site.name}}",
        news: "this is the code with which you set a new password for your account at {{site.name}}:",
        advice: "If you did not ask for it, ignore this message: your password stays as it is. Give the code to nobody."
      ),
      .init(
        subject: "Neues Passwort für {{site.name}}",
        news: "mit diesem Code setzen Sie ein neues Passwort für Ihr Konto bei {{site.name}}:",
        advice: "Falls Sie das nicht wollten, beachten Sie diese Nachricht nicht: Ihr Passwort bleibt, wie es ist. "
          + "Geben Sie den Code niemandem.")),
    "auth.email_change": token(
      .init(
        subject: "Confirm your new address for {{site.name}}",
        news: "this is the code that makes {{recipient.email}} the address of your account at {{site.name}}:",
        advice: "If you did not ask for it, ignore this message: nothing changes."),
      .init(
        subject: "Bestätigen Sie Ihre neue Adresse für {{site.name}}",
        news: "mit diesem Code wird {{recipient.email}} die Adresse Ihres Kontos bei {{site.name}}:",
        advice: "Falls Sie das nicht wollten, beachten Sie diese Nachricht nicht: es ändert sich nichts.")),
    "auth.already_registered": notice(
      .init(
        subject: "You have an account at {{site.name}}",
        news: "somebody wanted to open an account at {{site.name}} with {{recipient.email}}. You have one already.",
        advice: "Sign in, or set a new password if you forgot yours. If it was not you, you need not do anything."),
      .init(
        subject: "Sie haben ein Konto bei {{site.name}}",
        news: "jemand wollte bei {{site.name}} ein Konto mit {{recipient.email}} eröffnen. Sie haben schon eines.",
        advice:
          "Melden Sie sich an, oder setzen Sie ein neues Passwort, falls Sie Ihres vergessen haben. Falls Sie das "
          + "nicht waren, brauchen Sie nichts zu tun.")),
    "auth.email_wanted": notice(
      .init(
        subject: "Somebody asked for your address at {{site.name}}",
        news: "somebody wanted to use {{recipient.email}} for another account at {{site.name}}. It stays yours.",
        advice: "If it was you, use another address for the other account. If not, you need not do anything."),
      .init(
        subject: "Jemand wollte Ihre Adresse bei {{site.name}}",
        news: "jemand wollte {{recipient.email}} für ein anderes Konto bei {{site.name}} verwenden. Sie bleibt Ihre.",
        advice: "Falls Sie das waren, nehmen Sie für das andere Konto eine andere Adresse. Falls nicht, brauchen Sie "
          + "nichts zu tun.")),
    "auth.email_changed": notice(
      .init(
        subject: "Your address at {{site.name}} was changed",
        news: "{{recipient.email}} is now the address of your account at {{site.name}}.",
        advice: "You sign in with it from now on."),
      .init(
        subject: "Ihre Adresse bei {{site.name}} wurde geändert",
        news: "{{recipient.email}} ist jetzt die Adresse Ihres Kontos bei {{site.name}}.",
        advice: "Sie melden sich von jetzt an damit an.")),
    "auth.email_replaced": notice(
      .init(
        subject: "Your address at {{site.name}} was changed",
        news:
          "{{recipient.email}} is no longer the address of your account at {{site.name}}: another one took its place.",
        advice: "If it was not you, somebody else has your account now. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ihre Adresse bei {{site.name}} wurde geändert",
        news: "{{recipient.email}} ist nicht mehr die Adresse Ihres Kontos bei {{site.name}}: an ihre Stelle trat eine "
          + "andere.",
        advice: "Falls Sie das nicht waren, hat jetzt jemand anders Ihr Konto. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
    "auth.second_factor_added": notice(
      .init(
        subject: "Your account at {{site.name}} asks for a code now",
        news: "whoever signs in to your account at {{site.name}} needs a code of your authenticator app from now on.",
        advice:
          "Keep your recovery codes where you find them without your phone. If it was not you, set a new password "
          + "at once."),
      .init(
        subject: "Ihr Konto bei {{site.name}} verlangt jetzt einen Code",
        news: "wer sich bei {{site.name}} in Ihrem Konto anmeldet, braucht von jetzt an einen Code Ihrer "
          + "Authenticator-App.",
        advice: "Bewahren Sie die Wiederherstellungscodes so auf, dass Sie sie auch ohne Ihr Telefon finden. Falls Sie "
          + "das nicht waren, setzen Sie sofort ein neues Passwort.")),
    "auth.second_factor_removed": notice(
      .init(
        subject: "Your account at {{site.name}} asks for no code any more",
        news: "the second factor of your account at {{site.name}} was removed: the password alone opens it now.",
        advice: "If it was not you, somebody else may have your account. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ihr Konto bei {{site.name}} verlangt keinen Code mehr",
        news: "der zweite Faktor Ihres Kontos bei {{site.name}} wurde entfernt: das Passwort allein öffnet es jetzt.",
        advice: "Falls Sie das nicht waren, hat vielleicht jemand anders Ihr Konto. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
    "auth.recovery_code_used": notice(
      .init(
        subject: "A recovery code of your account at {{site.name}} was used",
        news: "somebody signed in to your account at {{site.name}} with a recovery code, which is used up by that.",
        advice: "If it was not you, somebody else has your password and your codes. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ein Wiederherstellungscode Ihres Kontos bei {{site.name}} wurde benutzt",
        news:
          "jemand hat sich bei {{site.name}} mit einem Wiederherstellungscode in Ihrem Konto angemeldet; er ist damit "
          + "verbraucht.",
        advice: "Falls Sie das nicht waren, hat jemand anders Ihr Passwort und Ihre Codes. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
    "auth.passkey_added": notice(
      .init(
        subject: "Another passkey for {{site.name}}",
        news: "a passkey was added to your account at {{site.name}}: whoever has it signs in without your password.",
        advice: "If it was not you, somebody else may get into your account. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ein weiterer Passkey für {{site.name}}",
        news: "zu Ihrem Konto bei {{site.name}} kam ein Passkey hinzu: wer ihn hat, meldet sich ohne Ihr Passwort an.",
        advice: "Falls Sie das nicht waren, kommt vielleicht jemand anders in Ihr Konto. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
    "auth.passkey_removed": notice(
      .init(
        subject: "A passkey for {{site.name}} was removed",
        news: "a passkey of your account at {{site.name}} was removed: it opens the account no more.",
        advice: "If it was not you, somebody else may have your account. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ein Passkey für {{site.name}} wurde entfernt",
        news: "ein Passkey Ihres Kontos bei {{site.name}} wurde entfernt: er öffnet das Konto nicht mehr.",
        advice: "Falls Sie das nicht waren, hat vielleicht jemand anders Ihr Konto. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
    "auth.api_key_created": notice(
      .init(
        subject: "An API key for your account at {{site.name}}",
        news:
          "an API key was made for your account at {{site.name}}: whoever has it acts for you without signing in, until "
          + "it is ended.",
        advice: "If it was not you, somebody else may have your account. Set a new password by mail, which ends every "
          + "key, and ask {{auth.contact}} at once."),
      .init(
        subject: "Ein API-Schlüssel für Ihr Konto bei {{site.name}}",
        news:
          "für Ihr Konto bei {{site.name}} wurde ein API-Schlüssel angelegt: wer ihn hat, handelt für Sie, ohne sich "
          + "anzumelden, bis er beendet wird.",
        advice: "Falls Sie das nicht waren, hat vielleicht jemand anders Ihr Konto. Setzen Sie per E-Mail ein neues "
          + "Passwort, das beendet alle Schlüssel, und wenden Sie sich sofort an {{auth.contact}}."), contact),
    "auth.identity_linked": notice(
      .init(
        subject: "Another way to sign in to {{site.name}}",
        news:
          "your account at {{site.name}} was connected with an account of yours elsewhere, which opens it from now on.",
        advice: "If it was not you, somebody else may get into your account. Ask {{auth.contact}} at once."),
      .init(
        subject: "Ein weiterer Weg, sich bei {{site.name}} anzumelden",
        news:
          "Ihr Konto bei {{site.name}} wurde mit einem Konto verbunden, das Sie anderswo haben; auch damit kommt man "
          + "von jetzt an hinein.",
        advice: "Falls Sie das nicht waren, kommt vielleicht jemand anders in Ihr Konto. Wenden Sie sich sofort an "
          + "{{auth.contact}}."), contact),
  ]

  private static let contact = [TemplateVariable("auth.contact", example: "support@example.com")]

  private struct Words {
    var subject: String
    var news: String
    var advice: String
  }

  private static func notice(
    _ english: Words, _ german: Words, _ variables: [TemplateVariable] = []
  ) -> TemplateContent {
    TemplateContent(
      defaultLocale: "en", variables: variables,
      texts: [
        text("en", english, greeting: "Hello", code: []), text("de", german, greeting: "Guten Tag", code: []),
      ])
  }

  private static func token(_ english: Words, _ german: Words) -> TemplateContent {
    TemplateContent(
      defaultLocale: "en",
      variables: [
        TemplateVariable("auth.token", .secret, example: "9n4Yw1Xj0bE2mQ7sK8vR3tL6pA5zC0dF1gH2iJ3kM4o"),
        TemplateVariable("auth.minutes", .integer, required: false, example: "10"),
        TemplateVariable("auth.hours", .integer, required: false, example: "24"),
      ],
      texts: [
        text(
          "en", english, greeting: "Hello",
          code: ["It works once", "for {{auth.minutes}} minutes", "for {{auth.hours}} hours"]),
        text(
          "de", german, greeting: "Guten Tag",
          code: ["Er gilt einmal", "{{auth.minutes}} Minuten lang", "{{auth.hours}} Stunden lang"]),
      ])
  }

  private static func text(_ locale: String, _ words: Words, greeting: String, code: [String]) -> TemplateText {
    var plain = ["\(greeting){{#if recipient.name}} {{recipient.name}}{{/if}},", words.news]
    var html = plain.map { "<p>\($0)</p>" }
    if !code.isEmpty {
      let bound =
        "\(code[0]){{#if auth.minutes}}, \(code[1]){{/if}}{{#if auth.hours}}, \(code[2]){{/if}}."
      plain += ["    {{auth.token}}", bound]
      html += [
        "<p style=\"font-family:monospace;font-size:18px;overflow-wrap:anywhere\">{{auth.token}}</p>",
        "<p>\(bound)</p>",
      ]
    }
    plain += [words.advice, "{{site.name}}"]
    html += ["<p>\(words.advice)</p>", "<p>{{site.name}}</p>"]
    return TemplateText(
      locale: locale, subject: words.subject, text: plain.joined(separator: "\n\n") + "\n",
      html: BuiltInTemplates.page(locale, html.joined(separator: "\n")))
  }
}
