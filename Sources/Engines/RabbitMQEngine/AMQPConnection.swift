import CRabbitMQ
import Foundation
import GravityEvents

/// A connection of librabbitmq. It belongs to the thread that made it; nobody else may touch it.
///
/// Requests and writes may block that thread, and some of the library's waits have no end (a write to a peer that does
/// not read; in 0.11 also the read that follows when a heartbeat is overdue): the thread arms its ``Lifeline`` before.
final class AMQPConnection {
  private let connection: amqp_connection_state_t
  private let arena = AMQPArena()
  private let contentType: amqp_bytes_t
  private var framesSinceRelease = 0

  private init(_ connection: amqp_connection_state_t) {
    self.connection = connection
    contentType = arena.bytes("application/cloudevents+json")
  }

  deinit { amqp_destroy_connection(connection) }

  /// Connects and logs in.
  /// - Parameters:
  ///   - name: what operators see in the broker's list of connections.
  ///   - lifeline: gets hold of the socket.
  static func open(
    _ address: BrokerAddress, name: String, _ configuration: RabbitMQBroker.Configuration, _ lifeline: Lifeline
  ) throws(AMQPFailure) -> AMQPConnection {
    guard let state = amqp_new_connection() else { throw AMQPFailure(.connection, "out of memory") }
    let connection = AMQPConnection(state)
    var timeout = timeval(configuration.connectTimeout)
    amqp_set_handshake_timeout(state, &timeout)
    amqp_set_rpc_timeout(state, &timeout)
    let socket = try connection.socket(address)
    let status = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &timeout)
    guard status == 0 else {
      throw AMQPFailure(status: status, "\(address.host):\(address.port) cannot be reached")
    }
    try lifeline.attach(amqp_get_sockfd(state))
    try connection.logIn(address, name: name, heartbeat: address.heartbeat ?? configuration.heartbeat)
    return connection
  }

  private func socket(_ address: BrokerAddress) throws(AMQPFailure) -> OpaquePointer {
    guard let tls = address.tls else {
      guard let socket = amqp_tcp_socket_new(connection) else { throw AMQPFailure(.connection, "out of memory") }
      return socket
    }
    guard let socket = amqp_ssl_socket_new(connection) else { throw AMQPFailure(.connection, "TLS cannot be set up") }
    amqp_ssl_socket_set_verify_peer(socket, 1)
    amqp_ssl_socket_set_verify_hostname(socket, 1)
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
    // The library knows no authorities of its own.
    guard let authorities = tls.authorities else {
      throw AMQPFailure(.connection, "the system's certificate authorities were not found: name a cacertfile")
    }
    guard amqp_ssl_socket_set_cacert(socket, authorities) == 0 else {
      throw AMQPFailure(.connection, "no certificate authorities in \(authorities)")
    }
    if let certificate = tls.certificate, let key = tls.key {
      guard amqp_ssl_socket_set_key(socket, certificate, key) == 0 else {
        throw AMQPFailure(.connection, "the client's certificate or key cannot be used")
      }
    }
    return socket
  }

  private func logIn(_ address: BrokerAddress, name: String, heartbeat: Duration) throws(AMQPFailure) {
    var properties = arena.table([
      ("product", "Gravity"), ("connection_name", .text(name)),
      (
        "capabilities",
        .table([
          ("publisher_confirms", true), ("basic.nack", true), ("consumer_cancel_notify", true),
          ("connection.blocked", true), ("authentication_failure_close", true), ("exchange_exchange_bindings", true),
        ])
      ),
    ])
    let reply = crabbitmq_login(
      connection, address.virtualHost, 0, 131_072, Int32(max(1, heartbeat.components.seconds)), &properties,
      address.user, address.password)
    try check(reply, channel: 0, "the login failed")
  }

  /// As the server told it when the connection began; nil when it told none.
  var serverVersion: String? {
    guard let properties = amqp_get_server_properties(connection)?.pointee else { return nil }
    for index in 0..<Int(properties.num_entries) {
      let entry = properties.entries[index]
      let kind = UInt32(entry.value.kind)
      guard entry.key.text == "version", kind == AMQP_FIELD_KIND_UTF8.rawValue else { continue }
      return entry.value.value.bytes.text
    }
    return nil
  }

  /// Says good-bye. The broker has worked off all that was sent before when it answers.
  func close(within timeout: Duration) {
    var timeout = timeval(timeout)
    amqp_set_rpc_timeout(connection, &timeout)
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS)
  }

  // MARK: - What comes

  /// The next frame that is here, without waiting; nil when there is none. Sends a heartbeat when one is due.
  /// - Throws: when the connection has ended, or nothing has come for two heartbeats.
  func next() throws(AMQPFailure) -> (channel: UInt16, frame: AMQPFrame)? {
    if framesSinceRelease >= 64 { release() }
    var frame = amqp_frame_t()
    var immediately = timeval()
    let status = amqp_simple_wait_frame_noblock(connection, &frame, &immediately)
    if status == AMQP_STATUS_TIMEOUT.rawValue {
      if framesSinceRelease > 0 { release() }
      return nil
    }
    guard status == 0 else { throw AMQPFailure(status: status, "the connection broke") }
    framesSinceRelease += 1
    let decoded = AMQPFrame(frame)
    if case .connectionClosed(let failure) = decoded {
      acknowledgeClose()
      throw failure
    }
    if case .channelClosed = decoded { try acknowledgeClose(of: frame.channel) }
    return (frame.channel, decoded)
  }

  private func release() {
    framesSinceRelease = 0
    amqp_maybe_release_buffers(connection)
  }

  // MARK: - Requests

  func openChannel(_ channel: UInt16) throws(AMQPFailure) {
    amqp_channel_open(connection, channel)
    try checkLast(channel, "channel.open")
  }

  func closeChannel(_ channel: UInt16) throws(AMQPFailure) {
    try check(amqp_channel_close(connection, channel, AMQP_REPLY_SUCCESS), channel: channel, "channel.close")
  }

  func selectConfirms(_ channel: UInt16) throws(AMQPFailure) {
    amqp_confirm_select(connection, channel)
    try checkLast(channel, "confirm.select")
  }

  func declareExchange(_ name: String, kind: String, _ channel: UInt16) throws(AMQPFailure) {
    let arena = AMQPArena()
    amqp_exchange_declare(
      connection, channel, arena.bytes(name), arena.bytes(kind), 0, 1, 0, 0, amqp_empty_table)
    try checkLast(channel, "exchange.declare")
  }

  enum QueueKind { case durable, ofConnection }

  /// - Returns: its name, which the broker makes when the one given is empty.
  @discardableResult
  func declareQueue(
    _ name: String, _ kind: QueueKind, _ arguments: [(String, AMQPValue)], _ channel: UInt16
  ) throws(AMQPFailure) -> String {
    let arena = AMQPArena()
    let isOwn: amqp_boolean_t = kind == .ofConnection ? 1 : 0
    let declared = amqp_queue_declare(
      connection, channel, arena.bytes(name), 0, 1 - isOwn, isOwn, isOwn, arena.table(arguments))
    try checkLast(channel, "queue.declare")
    return declared?.pointee.queue.text ?? name
  }

  /// - Returns: how many messages wait in it, without those on their way to a consumer.
  func countMessages(of queue: String, _ channel: UInt16) throws(AMQPFailure) -> Int {
    let arena = AMQPArena()
    let declared = amqp_queue_declare(connection, channel, arena.bytes(queue), 1, 0, 0, 0, amqp_empty_table)
    try checkLast(channel, "queue.declare")
    return Int(declared?.pointee.message_count ?? 0)
  }

  func bind(_ queue: String, to exchange: String, _ pattern: String, _ channel: UInt16) throws(AMQPFailure) {
    let arena = AMQPArena()
    amqp_queue_bind(
      connection, channel, arena.bytes(queue), arena.bytes(exchange), arena.bytes(pattern), amqp_empty_table)
    try checkLast(channel, "queue.bind")
  }

  /// Does not wait for an answer: a queue that has no leader at present gives none for long, and the library would end
  /// the whole connection then. A refusal comes as the end of the channel.
  ///
  /// - Parameter prefetch: nil when nothing has to be acknowledged.
  func consume(_ queue: String, tag: String, prefetch: Int?, _ channel: UInt16) throws(AMQPFailure) {
    if let prefetch {
      amqp_basic_qos(connection, channel, 0, UInt16(prefetch), 0)
      try checkLast(channel, "basic.qos")
    }
    let arena = AMQPArena()
    var consume = amqp_basic_consume_t()
    consume.queue = arena.bytes(queue)
    consume.consumer_tag = arena.bytes(tag)
    consume.no_ack = prefetch == nil ? 1 : 0
    consume.nowait = 1
    try check(amqp_send_method(connection, channel, AMQP_BASIC_CONSUME_METHOD, &consume), "the connection broke")
  }

  // MARK: - Without an answer

  /// - Parameter isLasting: written to disk, and told when there is no queue for it.
  func publish(
    _ message: EventMessage, to exchange: amqp_bytes_t, isLasting: Bool, _ channel: UInt16
  ) throws(AMQPFailure) {
    var properties = amqp_basic_properties_t()
    properties._flags = amqp_flags_t(
      AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG)
    properties.content_type = contentType
    properties.delivery_mode = isLasting ? 2 : 1
    let status = amqp_bytes_t.with(message.type) { type in
      amqp_bytes_t.with(message.id.uuidString) { id in
        amqp_bytes_t.with(message.body) { body in
          properties.message_id = id
          return amqp_basic_publish(connection, channel, exchange, type, isLasting ? 1 : 0, 0, &properties, body)
        }
      }
    }
    try check(status, "the connection broke while a message was sent")
  }

  func acknowledge(_ tag: UInt64, multiple: Bool, _ channel: UInt16) throws(AMQPFailure) {
    try check(amqp_basic_ack(connection, channel, tag, multiple ? 1 : 0), "the connection broke")
  }

  /// - Parameter requeue: else it becomes a dead letter.
  func reject(_ tag: UInt64, multiple: Bool, requeue: Bool, _ channel: UInt16) throws(AMQPFailure) {
    try check(amqp_basic_nack(connection, channel, tag, multiple ? 1 : 0, requeue ? 1 : 0), "the connection broke")
  }

  // MARK: - Answers

  private func checkLast(_ channel: UInt16, _ what: String) throws(AMQPFailure) {
    try check(amqp_get_rpc_reply(connection), channel: channel, what)
  }

  private func check(_ reply: amqp_rpc_reply_t, channel: UInt16, _ what: String) throws(AMQPFailure) {
    switch reply.reply_type {
    case AMQP_RESPONSE_NORMAL: return
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      let failure = AMQPFailure(reply.reply)
      switch failure.scope {
      case .connection: acknowledgeClose()
      case .channel: try acknowledgeClose(of: channel)
      }
      throw failure
    default: throw AMQPFailure(status: reply.library_error, what)
    }
  }

  private func check(_ status: Int32, _ what: String) throws(AMQPFailure) {
    guard status == 0 else { throw AMQPFailure(status: status, what) }
  }

  private func acknowledgeClose(of channel: UInt16) throws(AMQPFailure) {
    var ok = amqp_channel_close_ok_t()
    try check(amqp_send_method(connection, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok), "the connection broke")
  }

  private func acknowledgeClose() {
    var ok = amqp_connection_close_ok_t()
    // It ends whether the broker hears this or not.
    _ = amqp_send_method(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok)
  }
}

extension timeval {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(tv_sec: .init(seconds), tv_usec: .init(attoseconds / 1_000_000_000_000))
  }
}
