import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// How a connection is opened: TCP, TLS, and who we are.
struct RedisOpening: Sendable {
  var address: RedisAddress
  let settings: RedisConnection.Settings
  let connectTimeout: Duration
  let clientName: String
  let group: any EventLoopGroup

  /// - Throws: ``RedisError``, with the server's own words where it refused us.
  func open(
    onPush: (@Sendable ([RESPValue]) -> Void)? = nil, onEnd: @escaping @Sendable (RedisError) -> Void
  ) async throws -> RedisConnection {
    let deadline = NIODeadline.now() + TimeAmount(connectTimeout)
    let connection = try await connect(onPush, onEnd)
    do {
      try await introduce(connection, isForFeeds: onPush != nil, deadline)
      connection.startPinging()
      return connection
    } catch {
      let failure = error as? RedisError ?? RedisError(.closed, "closed")
      // The first reason says more: why TLS failed, and not that the connection went.
      let first = connection.end.map { $0.code == .unavailable ? $0 : failure } ?? failure
      connection.close(first)
      throw first
    }
  }

  private func connect(
    _ onPush: (@Sendable ([RESPValue]) -> Void)?, _ onEnd: @escaping @Sendable (RedisError) -> Void
  ) async throws -> RedisConnection {
    let (host, settings) = (address.host, settings)
    do {
      let tls = try tlsContext()
      return try await ClientBootstrap(group: group)
        .connectTimeout(TimeAmount(connectTimeout))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connect(host: host, port: address.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(Self.tlsHandler(tls, host)) }
            let connection = RedisConnection(channel, settings, onPush: onPush, onEnd: onEnd)
            try pipeline.addHandler(RedisChannelHandler(connection, limits: settings.decoding))
            return connection
          }
        }
    } catch {
      throw RedisError(.unavailable, error.connectionFailure)
    }
  }

  // MARK: TLS

  /// Reads the certificates each time, since they are replaced now and then.
  private func tlsContext() throws -> NIOSSLContext? {
    guard address.usesTLS else { return nil }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let file = address.authorities {
      guard FileManager.default.isReadableFile(atPath: file) else {
        throw RedisError(.unavailable, "the file of certificates \(file) cannot be read")
      }
      configuration.trustRoots = .file(file)
    }
    return try NIOSSLContext(configuration: configuration)
  }

  private static func tlsHandler(_ context: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
    // A certificate for an address is checked against the address that we are connected to.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
  }

  // MARK: Introducing ourselves

  private func introduce(
    _ connection: RedisConnection, isForFeeds: Bool, _ deadline: NIODeadline
  ) async throws {
    var hello: [RESPArgument] = ["HELLO", "3"]
    if let password = address.password {
      hello += ["AUTH", .text(address.user ?? "default"), .text(password)]
    }
    hello += ["SETNAME", .text(clientName)]
    let greeting = try await connection.send(hello, deadline: deadline).value
    if case .error(let text) = greeting { throw refusal(text, "HELLO") }
    guard greeting["proto"]?.integer == 3 else {
      throw RedisError(.unavailable, "the server does not speak RESP3: Redis 6.2 or later is wanted")
    }
    // Channels belong to no database, and which run of the server they are of does not matter.
    guard !isForFeeds else { return }
    var commands: [[RESPArgument]] = [["PING"], ["INFO", "server"]]
    if address.database > 0 { commands.append(["SELECT", .integer(Int64(address.database))]) }
    let replies = try await connection.send(commands, deadline: deadline)
    // Says whether the server is still loading its data.
    if case .error(let text) = try replies[0].get().value { throw refusal(text, "PING") }
    if replies.count > 2, case .error(let text) = try replies[2].get().value { throw refusal(text, "SELECT") }
    connection.identify(try replies[1].get().value.text.flatMap(Self.runID))
  }

  private func refusal(_ text: String, _ command: String) -> RedisError {
    if text.contains("unknown command"), command == "HELLO" {
      return RedisError(.refused("ERR"), "the server is too old: Redis 6.2 or later is wanted", command: command)
    }
    return RedisError(reply: text, command: command)
  }

  private static func runID(_ info: String) -> String? {
    info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }.map { String($0.dropFirst(7)) }
  }
}
