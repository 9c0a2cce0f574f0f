import Foundation
import GravityDiscovery
import NIOCore
import NIOPosix
import SMTPEngine

/// The mail server, where one is named. Nothing is sent.
enum SMTPFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    guard let url = try? configuration.layers.optional(Settings.smtpURL) else { return [] }
    var times = SMTPTransport.Times()
    (times.connect, times.reply) = (.seconds(4), .seconds(5))
    let examination: SMTPServer.Examination
    do throws(SMTPError) {
      examination = try await SMTPServer.examine(url: url, times: times, group: MultiThreadedEventLoopGroup.singleton)
    } catch {
      return [Finding(subject, "mail server: \(error.message)", remedy: remedy(for: error.step))]
    }
    let place = "\(examination.host):\(examination.port)"
    var findings = [
      Finding(
        subject,
        "mail server \(place): answers"
          + (examination.isLoggedIn ? ", takes user and password" : "")
          + (examination.isEncrypted ? ", over TLS" : ", without TLS"))
    ]
    if !examination.isEncrypted, ServerHost(url)?.isLoopback != true {
      findings.append(
        Finding(
          subject, "mail server: what goes to \(examination.host) is not encrypted",
          remedy: "write GRAVITY_SMTP_URL with tls=required, or as smtps://"))
    }
    if let from = try? configuration.layers.value(Settings.mailFrom), from.hasSuffix("localhost") {
      findings.append(
        Finding(
          subject, "mail comes from \(from), to which nobody can answer and which servers refuse",
          remedy: "set GRAVITY_MAIL_FROM to an address of a domain of yours"))
    }
    return findings
  }

  private static let subject = "smtp"

  private static func remedy(for step: SMTPError.Step) -> String {
    switch step {
    case .configure: "write GRAVITY_SMTP_URL as smtp://USER:PASSWORD@HOST:587"
    case .connect, .converse: "check that the mail server runs and that GRAVITY_SMTP_URL names its host and port"
    case .encrypt:
      "add cacert=FILE to GRAVITY_SMTP_URL for an authority of your own, or use the name that is in the certificate; "
        + "tls=none is for servers on this machine, without a password"
    case .logIn: "check user and password in GRAVITY_SMTP_URL"
    }
  }
}
