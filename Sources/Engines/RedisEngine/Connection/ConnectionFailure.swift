import NIOCore
import NIOPosix
import NIOSSL

extension Error {
  /// Why there is no connection, in plain words.
  var connectionFailure: String {
    switch self {
    case let error as RedisError: error.message
    case let error as NIOConnectionError:
      "\(error.host):\(error.port) cannot be reached"
        + ((error.connectionErrors.first?.error ?? error.dnsAError ?? error.dnsAAAAError).map {
          ": \($0.connectionFailure)"
        } ?? "")
    case let error as ChannelError:
      if case .connectTimeout = error { "no connection in time" } else { "\(error)" }
    case let error as IOError: "\(error)"
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      "the server's certificate is for another host"
    case let error as NIOSSLError where "\(error)".contains("CERTIFICATE_VERIFY_FAILED"):
      "the server's certificate is not signed by an authority that is trusted"
    case let error as NIOSSLError: "TLS failed: \(error)"
    case let error as BoringSSLError: "TLS failed: \(error)"
    default: "\(self)"
    }
  }
}
