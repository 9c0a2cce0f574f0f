import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Why a mail server did not do what it was asked.
public struct SMTPError: Error, Sendable, Hashable, CustomStringConvertible {
  /// How far it came.
  public enum Step: Sendable, Hashable {
    /// The URL or a setting cannot be used.
    case configure
    /// There is no connection, or the server does not want us.
    case connect
    /// TLS failed, or there is none where there must be.
    case encrypt
    /// The server does not take user and password.
    case logIn
    /// The connection broke, or a reply did not come in time or made no sense.
    case converse
  }

  public var step: Step
  /// For an operator; never holds a password.
  public var message: String
  public var description: String { message }

  public init(_ step: Step, _ message: String) {
    self.step = step
    self.message = message
  }

  /// Says what an error of the network or of TLS means, in plain words.
  init(_ error: any Error) {
    switch error {
    case let error as SMTPError: self = error
    case let error as NIOConnectionError:
      let first = error.connectionErrors.first?.error ?? error.dnsAError ?? error.dnsAAAAError
      self.init(
        .connect,
        "\(error.host):\(error.port) cannot be reached" + (first.map { ": \(SMTPError($0).message)" } ?? ""))
    case let error as IOError: self.init(.converse, String(cString: strerror(error.errnoCode)))
    case ChannelError.connectTimeout: self.init(.connect, "no connection in time")
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      self.init(.encrypt, "the server's certificate is for another host")
    case NIOSSLError.uncleanShutdown: self.init(.converse, "the server ended the connection")
    case let error as NIOSSLError: self.init(.encrypt, Self.words(ofTLS: "\(error)"))
    case let error as BoringSSLError: self.init(.encrypt, Self.words(ofTLS: "\(error)"))
    default: self.init(.converse, "\(error)")
    }
  }

  private static func words(ofTLS text: String) -> String {
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the server's certificate is not signed by an authority that is trusted, or is out of date"
    }
    if text.contains("WRONG_VERSION_NUMBER") {
      return "the server answers without TLS: smtps:// is for the port that begins with TLS, smtp:// for STARTTLS"
    }
    return "TLS failed: \(text)"
  }
}
