import GravityDiscovery
import SMTPEngine

/// How mail and webhooks leave the platform.
extension Settings {
  static let smtpURL = Setting<String>(
    "gravity.smtp.url",
    "smtp://USER:PASSWORD@HOST:587?tls=required, or smtps: mail goes through that server. Without it, into files",
    isSecret: true, expected: "a URL such as smtp://USER:PASSWORD@HOST:587, tls=required, optional or none behind a ?"
  ) { text in (try? SMTPServer.check(url: text)).map { text } }
  static let mailFrom = Setting(
    text: "gravity.mail.from", "the address that mail comes from, one that the mail server lets us use",
    standard: "no-reply@gravity.localhost")
  static let siteName = Setting(
    text: "gravity.site.name",
    "what messages, auth's pages and authenticator apps call the platform, at most 100 characters", standard: "Gravity")

  static let authMail = Setting<AuthMail>(
    "gravity.auth.mail",
    "how auth's own messages go out: notification, the service that sends mail, or files in the data folder; "
      + "notification unless it is set where that service runs in the same process, else files",
    expected: "notification or files"
  ) { AuthMail(rawValue: $0) }

  static let privateWebhooks = Setting(
    flag: "gravity.webhooks.private",
    "whether webhooks may go to private addresses, loopback and http: for development only", standard: false)

  static let mail: [any AnySetting] = [smtpURL, mailFrom, siteName, authMail, privateWebhooks]
}

/// Who takes over what auth has to tell people.
enum AuthMail: String, Sendable { case notification, files }
