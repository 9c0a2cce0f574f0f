import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// How a connection is opened: TCP, the greeting, EHLO, TLS, and who we are.
struct SMTPOpening: Sendable {
  let address: SMTPAddress
  let times: SMTPTransport.Times
  let group: any EventLoopGroup
  /// When it must be over, whatever the single times say.
  var deadline = NIODeadline.distantFuture

  private var reply: TimeAmount { max(.milliseconds(1), min(times.reply, deadline - .now())) }

  /// - Throws: ``SMTPError``, with the server's own words where it refused us.
  func open() async throws(SMTPError) -> SMTPConnection {
    let connection = try await connect()
    do {
      try await introduce(connection)
      return connection
    } catch {
      connection.close()
      throw error
    }
  }

  private func connect() async throws(SMTPError) -> SMTPConnection {
    do {
      let tls = address.encryption == .implicit ? try tlsContext() : nil
      return try await ClientBootstrap(group: group)
        .connectTimeout(max(.milliseconds(1), min(times.connect, deadline - .now())))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connect(host: address.host, port: address.port) { [host = address.host] channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(Self.tlsHandler(tls, host)) }
            let conversation = SMTPConversation()
            try pipeline.addHandler(conversation)
            return SMTPConnection(channel, NIOLoopBound(conversation, eventLoop: channel.eventLoop))
          }
        }
    } catch { throw SMTPError(error) }
  }

  // MARK: TLS

  /// Reads the certificates each time, since they are replaced now and then.
  private func tlsContext() throws(SMTPError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let file = address.authorities {
      guard FileManager.default.isReadableFile(atPath: file) else {
        throw SMTPError(.encrypt, "the file of certificates \(file) cannot be read")
      }
      configuration.trustRoots = .file(file)
    }
    do { return try NIOSSLContext(configuration: configuration) } catch { throw SMTPError(error) }
  }

  static func tlsHandler(_ context: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
    // A certificate for an address is checked against the address that we are connected to.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
  }

  // MARK: Introducing ourselves

  private func introduce(_ connection: SMTPConnection) async throws(SMTPError) {
    let greeting = try await connection.ask(nil, within: reply)
    guard greeting.code == 220 else { throw SMTPError(.connect, "the server does not want us: \(greeting)") }
    if address.encryption == .implicit { connection.noteTLS() }
    try await hello(connection)
    if address.encryption == .required || address.encryption == .optional && connection.capabilities.startTLS {
      guard connection.capabilities.startTLS else {
        throw SMTPError(
          .encrypt, "the server offers no STARTTLS, and without it mail and password could be read by others")
      }
      let answer = try await connection.ask("STARTTLS", within: reply)
      guard answer.code == 220 else { throw SMTPError(.encrypt, "the server refused STARTTLS: \(answer)") }
      try await connection.startTLS(try tlsContext(), address.host)
      connection.noteTLS()
      // What was offered in the clear counts no more (RFC 3207 §4.2).
      try await hello(connection)
    }
    guard let user = address.user, let password = address.password else { return }
    guard connection.usesTLS else {
      throw SMTPError(.encrypt, "the server offers no TLS, and the password is not sent without")
    }
    try await logIn(connection, user, password)
  }

  private func hello(_ connection: SMTPConnection) async throws(SMTPError) {
    let answer = try await connection.ask("EHLO \(Self.literal(connection.channel.localAddress))", within: reply)
    guard answer.code == 250 else {
      throw SMTPError(.connect, "the server refused EHLO, which a server for submission knows: \(answer)")
    }
    connection.learn(SMTPCapabilities(answer))
  }

  /// Of our side of the connection (RFC 5321 §4.1.3): a host's name is mostly one that nobody else knows.
  private static func literal(_ address: SocketAddress?) -> String {
    switch address {
    case .v6: "[IPv6:\(address?.ipAddress ?? "::1")]"
    case .v4: "[\(address?.ipAddress ?? "127.0.0.1")]"
    default: "localhost"
    }
  }

  /// PLAIN (RFC 4616), or LOGIN where there is nothing else that we know.
  private func logIn(
    _ connection: SMTPConnection, _ user: String, _ password: String
  ) async throws(SMTPError) {
    let mechanisms = connection.capabilities.mechanisms
    var answer: SMTPReply
    if mechanisms.contains("PLAIN") {
      answer = try await connection.ask("AUTH PLAIN \(Self.base64("\0\(user)\0\(password)"))", within: reply)
    } else if mechanisms.contains("LOGIN") {
      answer = try await connection.ask("AUTH LOGIN", within: reply)
      if answer.code == 334 { answer = try await connection.ask(Self.base64(user), within: reply) }
      if answer.code == 334 { answer = try await connection.ask(Self.base64(password), within: reply) }
    } else {
      throw SMTPError(
        .logIn, "the server takes neither AUTH PLAIN nor LOGIN, but: \(mechanisms.sorted().joined(separator: " "))")
    }
    guard answer.code != 235 else { return }
    // A server may repeat what it was sent.
    let text = "\(answer)"
    let isSafe = ![password, Self.base64(password), Self.base64("\0\(user)\0\(password)")].contains {
      text.contains($0)
    }
    throw SMTPError(.logIn, "the server does not take user and password: \(isSafe ? text : "\(answer.code)")")
  }

  private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}
