import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A server on a port of its own that reads requests and does as it is told, byte for byte.
final class ScriptedReceiver: Sendable {
  enum Act: Sendable {
    /// The whole answer, head and body.
    case answer(String)
    /// Begins an answer that never ends.
    case dribble(String)
    case hang
    case hangUp

    static func status(_ status: String, _ headers: String = "", _ body: String = "") -> Act {
      .answer("HTTP/1.1 \(status)\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }
  }
  private let requests = Mutex<[String]>([])
  private let acts: Mutex<[Act]>
  private let channel: any Channel
  let port: Int

  var seen: [String] { requests.withLock { $0 } }

  init(_ acts: [Act]) async throws {
    let box = Box()
    self.acts = Mutex(acts)
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(box)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
    box.receiver.withLock { $0 = self }
  }

  /// Listens no more.
  func close() async { _ = try? await channel.close() }

  fileprivate func act(on request: String) -> Act {
    requests.withLock { $0.append(request) }
    return acts.withLock { $0.isEmpty ? .status("200 OK", "", "{}") : $0.removeFirst() }
  }

  private final class Box: Sendable { let receiver = Mutex<ScriptedReceiver?>(nil) }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let box: Box
    private var text = ""
    init(_ box: Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      guard let end = text.range(of: "\r\n\r\n") else { return }
      let length = text[..<end.lowerBound].lowercased().split(separator: "\r\n").compactMap {
        $0.hasPrefix("content-length: ") ? Int($0.dropFirst(16)) : nil
      }
      guard text[end.upperBound...].utf8.count >= length.first ?? 0 else { return }
      let request = text
      text = ""
      switch box.receiver.withLock({ $0 })?.act(on: request) ?? .hangUp {
      case .answer(let answer), .dribble(let answer):
        context.writeAndFlush(NIOAny(ByteBuffer(string: answer)), promise: nil)
      case .hang: break
      case .hangUp: context.close(promise: nil)
      }
    }
  }
}
