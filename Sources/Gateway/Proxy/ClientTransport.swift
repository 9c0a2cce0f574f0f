import NIOCore
import NIOSSL

/// What carries a client's requests.
enum ClientTransport {
  case tcp
  case tls
  case stream(HTTP2Exchange)
}

extension ClientConnection {
  /// Whether it stands for a connection, rather than for one stream of it.
  var isConnection: Bool { if case .stream = transport { false } else { true } }
}

extension Channel {
  /// Closes without TLS's own end, which would say to the client that what it has is whole (RFC 8446 §6.1).
  ///
  /// - Precondition: Called on the channel's event loop.
  func closeWithoutTLS() {
    if let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
      // From there on outwards, so past it.
      tls.close(promise: nil)
    } else {
      close(promise: nil)
    }
  }
}
