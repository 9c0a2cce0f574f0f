import GravityDiscovery
import NotificationAPI
import NotificationServer
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
  static let siteName = Setting<String>(
    "gravity.site.name",
    "what messages, auth's pages and authenticator apps call the platform, at most 100 characters", standard: "Gravity",
    expected: "1 to 100 characters"
  ) { (1...100).contains($0.count) ? $0 : nil }

  static let authMail = Setting<AuthMail>(
    "gravity.auth.mail",
    "how auth's own messages go out: notification, the service that sends mail, or files in the data folder; "
      + "notification unless it is set where that service runs in the same process, else files",
    expected: "notification or files"
  ) { AuthMail(rawValue: $0) }

  static let authMailRetention = Setting(
    duration: "gravity.auth.mail.retention", "how long auth's messages in files are kept, a thousand of them at most",
    standard: .seconds(7 * 86400), in: .seconds(60)...(.seconds(365 * 86400)))

  static let privateWebhooks = Setting(
    flag: "gravity.webhooks.private",
    "whether webhooks may go to private addresses, loopback and http: for development only", standard: false)

  static let smsProviders = providers(
    "gravity.sms.providers", .sms, "who sends text messages, the first to be asked first")
  static let pushProviders = providers(
    "gravity.push.providers", .push, "who sends push messages, the first to be asked first")

  private static func providers(
    _ key: String, _ channel: DeliveryChannel, _ words: String
  ) -> Setting<[MessageProvider]> {
    Setting<[MessageProvider]>(
      key, "\(words): NAME URL SECRET [SECONDS], parted by commas; URLs are posted to as notification.md says",
      isSecret: true, expected: "NAME URL SECRET [SECONDS], … with names of a-z, 0-9 and -, and secrets as whsec_BASE64"
    ) { MessageProvider.list($0, channel) }
  }

  static let notificationChannels = Setting<[DeliveryChannel]>(
    "gravity.notification.channels",
    "by what people are told unless somebody says otherwise, as far as a template has a text for it; email unless it "
      + "is set",
    expected: "some of email, in_app, sms and push, parted by commas"
  ) { text in
    let channels = text.split(separator: ",", omittingEmptySubsequences: false).map {
      DeliveryChannel(rawValue: $0.filter { $0 != " " })
    }
    let known = channels.compactMap { $0 }
    return known.count == channels.count && Set(known).count == known.count ? known : nil
  }

  static let mail: [any AnySetting] = [
    smtpURL, mailFrom, siteName, authMail, authMailRetention, privateWebhooks, smsProviders, pushProviders,
    notificationChannels,
  ]
}

/// Who takes over what auth has to tell people.
enum AuthMail: String, Sendable { case notification, files }
