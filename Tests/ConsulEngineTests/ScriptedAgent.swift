import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import ConsulEngine

/// Answers as it is told, with what a real agent says only on odd days.
final class ScriptedAgent: Sendable {
  struct Reply: Sendable {
    var status = 200
    var headers: HTTPHeaders = [:]
    var body = ""
  }
  struct Call: Sendable, Equatable {
    var path: String
    var query: [String]
    var token: String?
  }
  private let box = Box()
  private let channel: any Channel
  let address: ConsulAddress

  /// - Parameter reply: To all but what asks for the leader; nil never answers.
  init(token: String? = nil, _ reply: @escaping @Sendable (Call, Int) -> Reply?) async throws {
    let box = box
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(box: box, reply: reply))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    address = ConsulAddress(
      host: "127.0.0.1", port: channel.localAddress?.port ?? 0, token: token.map { ConsulToken($0) })
  }

  /// What was asked so far, but for the leader.
  var asked: [Call] { box.all }

  func end() async { try? await channel.close() }

  private final class Box: Sendable {
    private let calls = Mutex<[Call]>([])
    var all: [Call] { calls.withLock { $0 } }
    func add(_ call: Call) -> Int {
      calls.withLock { calls in
        calls.append(call)
        return calls.count { $0.path == call.path }
      }
    }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let box: Box
    private let reply: @Sendable (Call, Int) -> Reply?
    private var head: HTTPRequestHead?

    init(box: Box, reply: @escaping @Sendable (Call, Int) -> Reply?) {
      self.box = box
      self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body: break
      case .end:
        guard let head else { return }
        let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
        let call = Call(
          path: parts[0], query: parts.count > 1 ? parts[1].split(separator: "&").map(String.init) : [],
          token: head.headers.first(name: "x-consul-token"))
        let answer =
          call.path == "/v1/status/leader" ? Reply(body: "\"127.0.0.1:8300\"") : reply(call, box.add(call))
        guard let answer else { return }
        var headers = answer.headers
        headers.replaceOrAdd(name: "content-length", value: "\(answer.body.utf8.count)")
        context.write(
          wrapOutboundOut(
            .head(.init(version: .http1_1, status: .init(statusCode: answer.status), headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
