import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why there is no answer, in plain words.
struct OutgoingFailure: Error, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  init(_ error: any Error) {
    switch error {
    case let error as OutgoingFailure: self = error
    case let error as IOError: self.init(String(cString: strerror(error.errnoCode)))
    case ChannelError.connectTimeout: self.init("no connection in time")
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      self.init("the server's certificate is for another host")
    case NIOSSLError.uncleanShutdown: self.init("the server ended the connection")
    case let error as NIOSSLError:
      self.init(
        "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
          ? "the server's certificate is not signed by an authority that is trusted, or is out of date"
          : "TLS failed: \(error)")
    case let error as BoringSSLError: self.init("TLS failed: \(error)")
    case is HTTPParserError: self.init("what answers does not speak HTTP/1.1")
    default: self.init("\(error)")
    }
  }
}
