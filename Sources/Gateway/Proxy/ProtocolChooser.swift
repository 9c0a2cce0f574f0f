import CoreMetrics
import NIOCore
import NIOSSL
import NIOTLS

/// Decides at the beginning of a connection whether it speaks HTTP/1.1 or HTTP/2, and then leaves it.
///
/// Until then the connection has its ``ClientConnection`` already, which counts it and ends it when nothing comes.
final class ProtocolChooser: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let client: ClientConnection
  /// What might become HTTP/2's preface.
  private var held: ByteBuffer?

  init(_ client: ClientConnection) { self.client = client }

  // MARK: - Over TLS

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .handshakeCompleted(let name)? = event as? TLSUserEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    let version = (try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self))?.tlsVersion
    client.tlsVersion = version?.number
    if name == "h2" { becomeHTTP2(context) }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Before the handshake is through, whatever goes wrong is its failure.
    if case .tls = client.transport { client.worker.state.metrics.handshakeFailures.increment() }
    context.fireErrorCaught(error)
  }

  // MARK: - Without

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if case .tls = client.transport { return context.fireChannelRead(data) }
    if var before = held {
      held = nil
      before.writeBuffer(&bytes)
      bytes = before
    }
    let preface = HTTP2Frame.preface
    let isPreface = bytes.readableBytesView.starts(with: preface.prefix(bytes.readableBytes))
    guard !isPreface || bytes.readableBytes >= preface.count else { return held = bytes }
    if isPreface { becomeHTTP2(context) }
    // Before it leaves: then it has no neighbours any more.
    context.fireChannelRead(wrapInboundOut(bytes))
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  private func becomeHTTP2(_ context: ChannelHandlerContext) {
    let (worker, pipeline) = (client.worker, context.pipeline.syncOperations)
    let (address, version) = (client.address, client.tlsVersion)
    client.retire()
    pipeline.removeHandler(client, promise: nil)
    do {
      try pipeline.addHandler(HTTP2Connection(worker: worker, address: address, tlsVersion: version))
    } catch {
      context.close(promise: nil)
    }
  }
}

extension TLSVersion {
  /// As logs and settings name it.
  fileprivate var number: String {
    switch self {
    case .tlsv1: "1.0"
    case .tlsv11: "1.1"
    case .tlsv12: "1.2"
    case .tlsv13: "1.3"
    }
  }
}
