import NotificationAPI

enum PasswordChangedTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    texts: [
      SecurityNotice.text(
        "en", subject: "Your password was changed", greeting: "Hello",
        news: "the password of your account at {{site.name}} was changed, and every other session was ended.",
        advice: "If it was not you, set a new password now: somebody knows the old one."),
      SecurityNotice.text(
        "de", subject: "Ihr Passwort wurde geändert", greeting: "Guten Tag",
        news: "das Passwort Ihres Kontos bei {{site.name}} wurde geändert; alle anderen Sitzungen wurden beendet.",
        advice: "Falls Sie das nicht waren, setzen Sie jetzt ein neues Passwort: jemand kennt das alte."),
    ])
}

enum SignInSuspiciousTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    texts: [
      SecurityNotice.text(
        "en", subject: "A session of your account was ended", greeting: "Hello",
        news: "a session of your account at {{site.name}} was used from two places, which happens when it is stolen. "
          + "We ended it.",
        advice: "Sign in again. If something looks strange, change your password and end all sessions."),
      SecurityNotice.text(
        "de", subject: "Eine Sitzung Ihres Kontos wurde beendet", greeting: "Guten Tag",
        news: "eine Sitzung Ihres Kontos bei {{site.name}} wurde an zwei Orten benutzt, wie es geschieht, wenn sie "
          + "gestohlen ist. Wir haben sie beendet.",
        advice: "Melden Sie sich neu an. Falls etwas seltsam aussieht, ändern Sie Ihr Passwort und beenden Sie alle "
          + "Sitzungen."),
    ])
}

enum DeletionRequestedTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    texts: [
      SecurityNotice.text(
        "en", subject: "Your account will be deleted", greeting: "Hello",
        news: "you asked to have your account at {{site.name}} deleted, with all that we know of you. "
          + "It will be, once the time in which you can take that back is over.",
        advice: "If you want to keep it, or if it was not you who asked, sign in and take it back."),
      SecurityNotice.text(
        "de", subject: "Ihr Konto wird gelöscht", greeting: "Guten Tag",
        news:
          "Sie haben verlangt, dass Ihr Konto bei {{site.name}} gelöscht wird, mit allem, was wir von Ihnen wissen. "
          + "Das geschieht, sobald die Frist vorbei ist, in der Sie es sich anders überlegen können.",
        advice: "Falls Sie es behalten wollen, oder falls Sie das nicht waren, melden Sie sich an und nehmen Sie es "
          + "zurück."),
    ])
}

enum DeletionCancelledTemplate {
  static let content = TemplateContent(
    defaultLocale: "en",
    texts: [
      SecurityNotice.text(
        "en", subject: "Your account stays", greeting: "Hello",
        news: "your account at {{site.name}} will not be deleted: that was taken back.",
        advice: "If it was not you who took it back, change your password and end all sessions."),
      SecurityNotice.text(
        "de", subject: "Ihr Konto bleibt bestehen", greeting: "Guten Tag",
        news: "Ihr Konto bei {{site.name}} wird nicht gelöscht: das wurde zurückgenommen.",
        advice: "Falls Sie es nicht selbst zurückgenommen haben, ändern Sie Ihr Passwort und beenden Sie alle "
          + "Sitzungen."),
    ])
}

/// Three sentences to somebody whose account may be in danger. No links: those are what a forger would send.
private enum SecurityNotice {
  static func text(
    _ locale: String, subject: String, greeting: String, news: String, advice: String
  ) -> TemplateText {
    let greeting = "\(greeting){{#if recipient.name}} {{recipient.name}}{{/if}},"
    return TemplateText(
      locale: locale, subject: subject, text: "\(greeting)\n\n\(news)\n\n\(advice)\n\n{{site.name}}\n",
      html: BuiltInTemplates.page(
        locale, "<p>\(greeting)</p>\n<p>\(news)</p>\n<p>\(advice)</p>\n<p>{{site.name}}</p>"))
  }
}
